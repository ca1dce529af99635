// SPDX-License-Identifier: Apache-2.0
// The main job on real data: accuracy of fp32, of octet's own int8, and of a QAT file.
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/support/accuracy.h"

using namespace octet;

TEST_CASE("digits: fp32 at least 97 %, int8 within 0.5 points of it, QAT within 0.3 of its fake quantization") {
  const auto images = test::load(test::digits("test_images.npy"));
  const auto labels = test::load(test::digits("test_labels.npy"));
  const auto calibration = test::load(test::digits("calibration_images.npy"));
  const auto fp32 = Model::load(test::digits("digits_fp32.onnx")).value();
  const auto qat = Model::load(test::digits("digits_qat.onnx")).value();
  const auto accuracy = [&](const Model& model) {
    return test::top1(model, images.bytes, labels.as<std::int64_t>(), 0, 500);
  };
  const double fp32_top1 = accuracy(fp32);
  CHECK(fp32_top1 >= 97.0);
  CHECK(accuracy(test::quantized(fp32, calibration.bytes, 100)) >= fp32_top1 - 0.5);

  const auto trained = nlohmann::json::parse(std::ifstream(test::digits("accuracy.json")));
  CHECK(std::abs(accuracy(qat) - trained.at("qat_fake_quant_top1").get<double>()) <= 0.3);
}

TEST_CASE("digits: every operator of both quantized models computes in int8") {
  const auto fp32 = Model::load(test::digits("digits_fp32.onnx")).value();
  const auto calibration = test::load(test::digits("calibration_images.npy"));
  for (const Model& model : {test::quantized(fp32, calibration.bytes, 10), Model::load(test::digits("digits_qat.onnx")).value()}) {
    CHECK(model.is_quantized());
    const auto session = Session::create(model).value();
    for (const OpInfo& op : session.ops()) {
      INFO(op.name << " (" << op.op << "): " << op.reason);
      CHECK((op.precision == "int8" || op.op == "Quantize" || op.op == "Dequantize"));
    }
  }
}
