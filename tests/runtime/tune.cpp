// SPDX-License-Identifier: Apache-2.0
#include <octet/octet.h>
#include <octet/tune.h>

#include <cmath>
#include <random>

#include "graph/quantize/channel_scales.h"
#include "runtime/model_impl.h"
#include "tests/quantize/graphs.h"
#include "tests/support/accuracy.h"
#include "tests/support/batches.h"

using namespace octet;
using test::batches_of;
using test::calibrated;
using test::GraphBuilder;
using test::kRelu;

namespace {

std::vector<float> noise(std::size_t count, unsigned seed, float scale = 1, float mean = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(mean, scale);
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  return values;
}

std::vector<float> outputs_of(const Model& model, const std::vector<float>& samples) {
  Session session = Session::create(model).value();
  const std::size_t size = session.input<float>().size();
  std::vector<float> all;
  for (std::size_t at = 0; at + size <= samples.size(); at += size) {
    std::copy_n(samples.begin() + static_cast<std::ptrdiff_t>(at), size, session.input<float>().begin());
    session.run();
    const auto y = session.output<float>();
    all.insert(all.end(), y.begin(), y.end());
  }
  return all;
}

double sqnr_db(const std::vector<float>& wanted, const std::vector<float>& actual) {
  double signal = 0, error = 0;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    signal += static_cast<double>(wanted[i]) * wanted[i];
    error += (static_cast<double>(wanted[i]) - actual[i]) * (static_cast<double>(wanted[i]) - actual[i]);
  }
  return 10 * std::log10(signal / error);
}

// Depthwise layers whose channels differ in size: with one scale per weight the small ones keep few codes.
Model uneven_network() {
  GraphBuilder builder;
  auto x = builder.conv("a", builder.input("x", {1, 3, 8, 8}), 3, 8, 3, 1, kRelu);
  x = builder.conv("depthwise", x, 8, 8, 3, 8, kRelu);
  graph::Graph graph = builder.finish({builder.conv("b", x, 8, 5, 1)});
  std::vector<double> large, small;
  for (int c = 0; c < 8; ++c) large.push_back(std::pow(3.0, c - 4)), small.push_back(std::pow(3.0, 4 - c));
  graph::scale_outputs(graph, graph.nodes[1], large);
  graph::scale_inputs(graph, graph.nodes[2], small);
  return runtime::make_model(std::move(graph), nullptr);
}

QConfig per_tensor() {
  QConfig config;
  config.weight.per_channel = false;
  return config;
}

struct Digits {
  Model fp32 = Model::load(test::digits("digits_fp32.onnx")).value();
  tools::Array calibrate = test::load(test::digits("calibration_images.npy"));
  tools::Array images = test::load(test::digits("test_images.npy")),
               labels = test::load(test::digits("test_labels.npy"));
  std::vector<float> samples{calibrate.as<float>().begin(), calibrate.as<float>().begin() + 24 * 64};

  Result<double> top1(const Model& model) const {
    SessionOptions options;
    options.threads = 1;
    return test::top1(model, images.bytes, labels.as<std::int64_t>(), 0, 200, options);
  }
};

}  // namespace

TEST_CASE("bias correction takes back the mean error of every channel") {
  const Model fp32 = uneven_network();
  const auto samples = noise(3 * 64 * 20, 1, 1, 0.3F);
  const Calibrator calibrator = calibrated(fp32, batches_of(fp32, samples), per_tensor());
  const auto wanted = outputs_of(fp32, samples);
  const auto mean_error = [&](const Model& model) {
    const auto actual = outputs_of(model, samples);
    double worst = 0;
    for (std::size_t c = 0; c < 5; ++c) {
      double sum = 0;
      for (std::size_t i = 0; i < wanted.size(); ++i) sum += i / 64 % 5 == c ? actual[i] - wanted[i] : 0;
      worst = std::max(worst, std::abs(sum) / static_cast<double>(wanted.size() / 5));
    }
    return worst;
  };
  const double plain = mean_error(calibrator.convert().value());
  const double corrected = mean_error(convert_corrected(calibrator, batches_of(fp32, samples)).value());
  INFO(plain << " " << corrected);
  CHECK(corrected < 0.2 * plain);
}

TEST_CASE("equalization gives one scale per weight the accuracy of many") {
  const Model fp32 = uneven_network();
  const auto samples = noise(3 * 64 * 20, 2);
  const auto wanted = outputs_of(fp32, samples);
  const Model equal = equalize(fp32, batches_of(fp32, samples)).value();
  CHECK(sqnr_db(wanted, outputs_of(equal, samples)) > 90);
  const auto quality = [&](const Model& model) {
    return sqnr_db(wanted,
                   outputs_of(calibrated(model, batches_of(model, samples), per_tensor()).convert().value(), samples));
  };
  INFO(quality(fp32) << " dB, equalized " << quality(equal));
  CHECK(quality(equal) > quality(fp32) + 6);
}

TEST_CASE("smoothing moves outliers of a transformer block into its weights") {
  // x -> LayerNorm -> q, k, v; softmax(q k^T) v -> projection -> + x -> LayerNorm -> Dense, Relu -> Dense
  constexpr std::int64_t kWidth = 32, kTokens = 8;
  GraphBuilder builder;
  const auto input = builder.input("x", {1, kTokens, kWidth});
  const auto norm = [&](const std::string& name, graph::ValueId x) {
    std::vector<float> scale(kWidth, 1.0F), bias(kWidth, 0.1F);
    scale[3] = 30;  // what trained transformers have: a few channels far larger than the rest
    scale[17] = -22;
    return builder.node(
        name, graph::Op::LayerNorm,
        {x, builder.constant(name + "_g", {kWidth}, scale), builder.constant(name + "_b", {kWidth}, bias)},
        graph::LayerNormAttrs{-1, 1e-5F});
  };
  const auto dense = [&](const std::string& name, graph::ValueId x, std::int64_t in, std::int64_t out,
                         float size = 0.05F, graph::Clamp clamp = {}) {
    return builder.node(name, graph::Op::Dense,
                        {x, builder.random(name + "_w", {out, in}, size), builder.random(name + "_b", {out}, 0.1F)},
                        graph::DenseAttrs{clamp});
  };
  const auto normal = norm("norm1", input);
  const auto q = dense("q", normal, kWidth, kWidth, 0.01F), k = dense("k", normal, kWidth, kWidth, 0.01F),
             v = dense("v", normal, kWidth, kWidth);
  const auto turned = builder.node("turned", graph::Op::Transpose, {k}, graph::TransposeAttrs{{0, 2, 1}});
  const auto scores = builder.node("scores", graph::Op::MatMul, {q, turned}, graph::MatMulAttrs{});
  const auto weights = builder.node("weights", graph::Op::Softmax, {scores}, graph::SoftmaxAttrs{-1});
  const auto mixed = builder.node("mixed", graph::Op::MatMul, {weights, v}, graph::MatMulAttrs{});
  const auto sum = builder.binary("sum", graph::BinaryFn::add, dense("projection", mixed, kWidth, kWidth), input);
  const auto hidden = dense("up", norm("norm2", sum), kWidth, 4 * kWidth, 0.05F, kRelu);
  const Model fp32 = runtime::make_model(builder.finish({dense("down", hidden, 4 * kWidth, kWidth)}), nullptr);

  const auto samples = noise(static_cast<std::size_t>(kWidth * kTokens) * 16, 5);
  const auto wanted = outputs_of(fp32, samples);
  const Model smoothed = smooth(fp32, batches_of(fp32, samples)).value();
  CHECK(sqnr_db(wanted, outputs_of(smoothed, samples)) > 80);
  CHECK(smoothed.impl().graph.nodes.size() == fp32.impl().graph.nodes.size());  // nothing is computed twice
  const auto quality = [&](const Model& model) {
    return sqnr_db(wanted, outputs_of(calibrated(model, batches_of(model, samples)).convert().value(), samples));
  };
  INFO(quality(fp32) << " dB, smoothed " << quality(smoothed));
  CHECK(quality(smoothed) > quality(fp32) + 3);
}

TEST_CASE("a value with other readers than Dense layers is divided in a copy for these") {
  GraphBuilder builder;
  const auto x = builder.input("x", {1, 4, 8});
  std::vector<float> scale(8, 1.0F);
  scale[2] = 50;
  const auto norm = builder.binary("scaled", graph::BinaryFn::mul, x, builder.constant("g", {8}, scale));
  const auto shifted = builder.binary("shifted", graph::BinaryFn::add, norm, builder.random("b", {8}));
  const auto dense =
      builder.node("dense", graph::Op::Dense, {shifted, builder.random("w", {8, 8})}, graph::DenseAttrs{});
  const Model fp32 =
      runtime::make_model(builder.finish({builder.binary("sum", graph::BinaryFn::add, dense, shifted)}), nullptr);
  const auto samples = noise(4 * 8 * 8, 6);
  const Model smoothed = smooth(fp32, batches_of(fp32, samples), 0.7F).value();
  CHECK(smoothed.impl().graph.nodes.size() == fp32.impl().graph.nodes.size() + 2);
  CHECK(sqnr_db(outputs_of(fp32, samples), outputs_of(smoothed, samples)) > 90);
}

TEST_CASE("tuning keeps what suffices, and says what it tried") {
  const Digits digits;
  const auto score = [&](const Model& model) { return digits.top1(model); };
  TuneOptions options;
  options.max_drop = 2;
  const TuneReport report = tune(digits.fp32, batches_of(digits.fp32, digits.samples), score, options).value();
  CHECK(report.reached);
  CHECK(report.kept_float.empty());
  CHECK(report.steps.size() == 1);
  CHECK(report.best.what == std::string(name_of(QConfig{}.observer.kind)) + ", bias correction");
  CHECK(report.best.score == *digits.top1(report.model));
  CHECK(report.best.score >= report.fp32_score - 2);
  CHECK(report.best.int8_share == 1);
}

TEST_CASE("where no model suffices, tuning returns the best one with enough in int8") {
  const Digits digits;
  const double fp32 = *digits.top1(digits.fp32);
  // Every quantized model is worth less the more of it is int8, and never enough.
  const auto score = [&](const Model& model) -> Result<double> {
    if (!model.is_quantized()) return fp32;
    std::size_t count = 0;
    for (const graph::Node& node : model.impl().graph.nodes) {
      if (node.op == graph::Op::Conv2d || node.op == graph::Op::Dense) {
        count += model.impl().graph.input(node, 1).is_quantized() ? 1U : 0U;
      }
    }
    return fp32 - 10 - static_cast<double>(count);
  };
  const TuneReport report = tune(digits.fp32, batches_of(digits.fp32, digits.samples), score).value();
  CHECK_FALSE(report.reached);
  CHECK(report.best.int8_share >= 0.9);
  CHECK(report.steps.size() >= 8);
  for (const TuneStep& step : report.steps) {
    if (step.int8_share >= 0.9) CHECK(step.score <= report.best.score);
  }
}

TEST_CASE("operators go back to fp32 one by one, and those not needed come back") {
  const Digits digits;
  const double fp32 = *digits.top1(digits.fp32);
  // Good enough as soon as one certain operator is in fp32, whatever the others are.
  std::string wanted;
  for (const graph::Node& node : digits.fp32.impl().graph.nodes) {
    if (node.op == graph::Op::Conv2d) wanted = node.name;
  }
  const auto score = [&](const Model& model) -> Result<double> {
    const auto& node = test::node_called(model.impl().graph, wanted);
    return model.impl().graph.input(node, 1).is_quantized() ? fp32 - 10 : fp32;
  };
  TuneOptions options;
  options.least_int8 = 0;
  const TuneReport report = tune(digits.fp32, batches_of(digits.fp32, digits.samples), score, options).value();
  CHECK(report.reached);
  CHECK(report.kept_float == std::vector<std::string>{wanted});
}

TEST_CASE("the accuracy tools refuse what they cannot do") {
  const Digits digits;
  const auto batches = batches_of(digits.fp32, digits.samples);
  const Calibrator calibrator = calibrated(digits.fp32, batches);
  const Model int8 = calibrator.convert().value();
  const auto score = [&](const Model&) -> Result<double> { return 1.0; };
  CHECK_FALSE(equalize(int8, batches).ok());
  CHECK_FALSE(smooth(int8, batches).ok());
  CHECK_FALSE(smooth(digits.fp32, batches, 1.5F).ok());
  CHECK_FALSE(smooth(digits.fp32, {}).ok());
  CHECK_FALSE(convert_corrected(calibrator, {}).ok());
  CHECK_FALSE(tune(digits.fp32, {}, score).ok());
  CHECK_FALSE(tune(int8, batches, score).ok());
  TuneOptions options;
  options.max_drop = -1;
  CHECK_FALSE(tune(digits.fp32, batches, score, options).ok());
  const auto broken = [](const Model&) -> Result<double> { return Status::error("no labels"); };
  CHECK(tune(digits.fp32, batches, broken).status().message() == "no labels");
}
