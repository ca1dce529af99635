// SPDX-License-Identifier: Apache-2.0
// Keyword spotting (MLPerf Tiny's network, 1,000 labelled samples), where the data is present.
#include "tests/support/accuracy.h"
#include "tests/support/batches.h"

using namespace octet;

namespace {

struct Kws {
  tools::Array codes = test::load(test::shared("kws/inputs_int8.npy"));
  std::vector<std::int64_t> labels;
  std::vector<float> reals;  // (1000, 1, 49, 10)

  Kws() {
    const auto array = test::load(test::shared("kws/labels.npy"));
    if (array.dtype == DType::s64) labels.assign(array.as<std::int64_t>().begin(), array.as<std::int64_t>().end());
    if (array.dtype == DType::s32) labels.assign(array.as<std::int32_t>().begin(), array.as<std::int32_t>().end());
    for (std::int8_t code : codes.as<std::int8_t>()) reals.push_back((static_cast<float>(code) - 83.0F) * 0.5847029F);
  }
  double top1(const Model& model) const {
    const bool takes_codes = model.inputs()[0].dtype == DType::s8;
    return test::top1(model, takes_codes ? std::span<const std::byte>(codes.bytes) : std::as_bytes(std::span(reals)),
                      labels, 0, labels.size());
  }
};

}  // namespace

TEST_CASE("kws: the int8 QDQ files reach 90.2 % within 0.3 points") {
  if (test::skip_without(test::shared("kws"))) return;
  const Kws kws;
  for (const char* file : {"kws_int8_qdq.onnx", "kws_int8_qdq_vec1.onnx", "kws_int8_qdq_intio.onnx"}) {
    INFO(file);
    CHECK(std::abs(kws.top1(Model::load(test::shared("kws") / file).value()) - 90.2) <= 0.3);
  }
}

TEST_CASE("kws: quantized on 100 samples, within 0.7 points of fp32") {
  if (test::skip_without(test::shared("kws"))) return;
  const Kws kws;
  const auto fp32 = Model::load(test::shared("kws/kws_fp32_bn.onnx")).value();
  const double reference = kws.top1(fp32);
  CHECK(std::abs(reference - 91.3) <= 0.11);
  CHECK(kws.top1(test::quantized(fp32, std::as_bytes(std::span(kws.reals)), 100)) >= reference - 0.7);
}

TEST_CASE("kws: what `octet quantize` does by default stays within 0.3 points on samples it has not seen") {
  if (test::skip_without(test::shared("kws"))) return;
  const Kws kws;
  const auto fp32 = Model::load(test::shared("kws/kws_fp32_bn.onnx")).value();
  const std::vector<float> first(kws.reals.begin(), kws.reals.begin() + 100 * 490);
  const Batches batches = test::batches_of(fp32, first);
  const Model int8 = convert_corrected(test::calibrated(fp32, batches), batches).value();
  const auto unseen = [&](const Model& model) {
    return test::top1(model, std::as_bytes(std::span(kws.reals)), kws.labels, 100, kws.labels.size(), {.threads = 1});
  };
  CHECK(unseen(int8) >= unseen(fp32) - 0.3);
}

TEST_CASE("kws: a symbolic batch binds at create, and batches give what single samples give") {
  if (test::skip_without(test::shared("kws"))) return;
  const Kws kws;
  const auto model = Model::load(test::shared("kws/kws_fp32_dynbatch.onnx")).value();
  const auto int8 = test::quantized(model, std::as_bytes(std::span(kws.reals)), 20);
  SessionOptions options;
  options.input_shapes[int8.inputs()[0].name] = {4, 1, 49, 10};
  auto batch = Session::create(int8, options).value();
  auto single = Session::create(int8).value();
  std::copy_n(kws.reals.begin(), 4 * 490, batch.input<float>().begin());
  batch.run();
  for (std::size_t i = 0; i < 4; ++i) {
    std::copy_n(kws.reals.begin() + static_cast<std::ptrdiff_t>(i * 490), 490, single.input<float>().begin());
    single.run();
    CHECK(std::ranges::equal(single.output<float>(), batch.output<float>().subspan(i * 12, 12)));
  }
}

TEST_CASE("kws: QOperator files in float mode give the recorded codes bit for bit") {
  if (test::skip_without(test::shared("kws"))) return;
  const Kws kws;
  const auto reference = test::load(test::shared("kws/reference_int8_qop.npy"));
  const auto model = Model::load(test::shared("kws/kws_int8_qop_intio.onnx")).value();
  auto session = Session::create(model, {.threads = 1, .requant = RequantMode::floating}).value();
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < kws.labels.size(); ++i) {
    std::ranges::copy(std::span(kws.codes.bytes).subspan(i * 490, 490), session.input_bytes(0).begin());
    session.run();
    wrong += std::ranges::equal(session.output_bytes(0), std::span(reference.bytes).subspan(i * 12, 12)) ? 0U : 1U;
  }
  CHECK(wrong == 0);
  for (const OpInfo& op : session.ops()) {
    INFO(op.name << " " << op.op << ": " << op.reason);
    CHECK(op.precision == "int8");
  }
}
