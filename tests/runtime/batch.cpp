// SPDX-License-Identifier: Apache-2.0
// Sizes that a model leaves open, bound when a session is created; several samples in one run; access by name.
#include <octet/octet.h>

#include <algorithm>
#include <random>

#include "tests/support/catch.h"
#include "tests/support/float_network.h"

using namespace octet;
using Catch::Matchers::Contains;
using tests::FloatNetwork;
using tests::OnnxNodeBuilder;

namespace {

constexpr std::int64_t kClasses = 5;

// First layer, depthwise, residual, grouped, gate, pooling, classifier; (n, 3, h, w), every size but 3 open.
Model image_network() {
  FloatNetwork net;
  net.model.input("image", {-1, 3, -1, -1});
  std::string x = net.conv_relu("image", 3, 16, {.kernel = 3, .stride = 2});
  x = net.op("Add", {x, net.conv(net.conv_relu(x, 16, 16, {.kernel = 3, .groups = 16}), 16, 16)});
  x = net.squeeze_excite(net.conv_relu(x, 16, 16, {.kernel = 3, .groups = 4}), 16, "HardSigmoid");
  x = net.max_pool(x, 3, 2, 1);
  net.model.node("Identity", {net.classifier(x, 16, kClasses)}, {"scores"});
  net.model.node("Sigmoid", {x}, {"map"});
  net.model.output("scores").output("map");
  return Model::parse(tests::as_bytes(net.model.bytes())).value();
}

// Tokens (n, t, 16): linear layers, a product of two activations, Softmax.
Model token_network() {
  FloatNetwork net;
  net.model.input("tokens", {-1, -1, 16});
  const std::string q = net.linear("tokens", 16, 16), k = net.linear("tokens", 16, 16);
  const std::string scores = net.op("Softmax", {net.op("MatMul", {q, net.transpose(k, {0, 2, 1})})});
  net.model.node("Identity", {net.op("Add", {"tokens", net.linear(net.op("MatMul", {scores, q}), 16, 16)})}, {"y"});
  net.model.output("y");
  return Model::parse(tests::as_bytes(net.model.bytes())).value();
}

std::vector<float> samples(std::int64_t count, std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<float> all(static_cast<std::size_t>(count));
  for (float& x : all) x = static_cast<float>(engine() >> 8) / 8388608.0F - 1;
  return all;
}

Model quantized(const Model& model, const std::string& input, const Shape& sample) {
  auto calibrator = Calibrator::create(model).value();
  for (std::uint32_t seed = 1; seed <= 6; ++seed) {
    const std::vector<float> x = samples(sample.count(), seed);
    const NamedTensor tensor{input, sample, x};
    calibrator.observe({&tensor, 1}).value();
  }
  return calibrator.convert().value();
}

// All outputs, one vector of floats for each.
std::vector<std::vector<float>> run(const Model& model, const std::string& input, const Shape& shape,
                                    std::span<const float> x, const std::string& backend, int threads) {
  SessionOptions options;
  options.backend = backend;
  options.threads = threads;
  options.input_shapes = {{input, shape}};
  Session session = Session::create(model, options).value();
  REQUIRE(session.inputs()[0].shape == shape);
  const std::span<float> to = session.input<float>(session.input_index(input));
  REQUIRE(to.size() == x.size());
  std::ranges::copy(x, to.begin());
  session.run();
  std::vector<std::vector<float>> outputs;
  for (std::size_t i = 0; i < session.outputs().size(); ++i) {
    REQUIRE(session.outputs()[i].shape[0] == shape[0]);
    const std::span<const float> y = session.output<float>(i);
    outputs.emplace_back(y.begin(), y.end());
  }
  return outputs;
}

// `batch` samples in one run against one run for each. int8: the same bits.
void check_rows(const Model& model, const std::string& input, Shape sample, std::int64_t batch,
                const std::string& backend, int threads) {
  INFO(backend << ", " << threads << " threads, " << batch << " samples");
  const std::vector<float> all = samples(batch * sample.count(), 77);
  Shape shape = sample;
  shape[0] = batch;
  const auto together = run(model, input, shape, all, backend, threads);
  for (std::int64_t row = 0; row < batch; ++row) {
    const auto first = static_cast<std::size_t>(row * sample.count()), count = static_cast<std::size_t>(sample.count());
    const auto alone = run(model, input, sample, std::span(all).subspan(first, count), backend, threads);
    REQUIRE(alone.size() == together.size());
    for (std::size_t i = 0; i < alone.size(); ++i) {
      REQUIRE(together[i].size() == alone[i].size() * static_cast<std::size_t>(batch));
      const auto part =
          std::span(together[i]).subspan(static_cast<std::size_t>(row) * alone[i].size(), alone[i].size());
      if (model.is_quantized()) {
        CHECK(std::ranges::equal(part, alone[i]));
        continue;
      }
      float most = 0;  // sums in another order
      for (std::size_t k = 0; k < part.size(); ++k) most = std::max(most, std::abs(part[k] - alone[i][k]));
      CHECK(most < 1e-5F);
    }
  }
}

void check_rows(const Model& model, const std::string& input, const Shape& sample) {
  for (const BackendInfo& backend : backends()) {
    if (!backend.usable) {
      WARN("SKIPPED: backend " << backend.name << " cannot run here: " << backend.reason);
      continue;
    }
    for (const std::int64_t batch : {2, 5}) check_rows(model, input, sample, batch, backend.name, 1);
    check_rows(model, input, sample, 3, backend.name, 3);
    if (!model.is_quantized()) return;  // float operators know no backends
  }
}

}  // namespace

TEST_CASE("several images in one run give what one run for each gives") {
  const Shape sample{1, 3, 14, 10};
  const Model fp32 = image_network();
  check_rows(fp32, "image", sample);
  check_rows(quantized(fp32, "image", sample), "image", sample);
}

TEST_CASE("several sequences in one run give what one run for each gives") {
  const Shape sample{1, 7, 16};
  const Model fp32 = token_network();
  check_rows(fp32, "tokens", sample);
  check_rows(quantized(fp32, "tokens", sample), "tokens", sample);
}

TEST_CASE("sizes that a model leaves open are bound when a session is created, and to others in the next") {
  const Model model = quantized(image_network(), "image", {1, 3, 14, 10});
  CHECK(model.inputs()[0].shape == Shape{Shape::kUnknown, 3, Shape::kUnknown, Shape::kUnknown});
  for (const Shape& shape : {Shape{1, 3, 16, 16}, Shape{4, 3, 9, 21}}) {
    Session session = Session::create(model, {.threads = 1, .input_shapes = {{"image", shape}}}).value();
    CHECK(session.inputs()[0].shape == shape);
    CHECK(session.outputs()[0].shape == Shape{shape[0], kClasses});
    CHECK(session.outputs()[1].shape == Shape{shape[0], 16, (shape[2] + 3) / 4, (shape[3] + 3) / 4});
  }
  const auto refusal = [&](const std::string& name, const Shape& shape) {
    return Session::create(model, {.input_shapes = {{name, shape}}}).status().message();
  };
  CHECK_THAT(refusal("image", {1, 4, 16, 16}), Contains("image") && Contains("4"));
  CHECK_THAT(refusal("image", {1, 3, 16}), Contains("image"));
  CHECK_THAT(refusal("picture", {1, 3, 16, 16}), Contains("picture"));
}

TEST_CASE("inputs and outputs are found by name") {
  Session session = Session::create(image_network(), {.threads = 1, .input_shapes = {{"image", {1, 3, 8, 8}}}}).value();
  CHECK(session.input_index("image") == 0);
  CHECK(session.output_index("scores") == 0);
  CHECK(session.output_index("map") == 1);
  CHECK(session.output<float>(session.output_index("map")).size() == 16 * 2 * 2);
  // Who is not there has the next index, and that an empty span.
  CHECK(session.input_index("scores") == 1);
  CHECK(session.output_index("image") == 2);
  CHECK(session.input<float>(session.input_index("picture")).empty());
  CHECK(session.output_bytes(session.output_index("picture")).empty());
}
