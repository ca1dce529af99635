// SPDX-License-Identifier: Apache-2.0
#include <octet/octet.h>

#include <array>
#include <cmath>
#include <limits>

#include "graph/export/onnx.h"
#include "runtime/model_impl.h"
#include "tests/quantize/graphs.h"

using namespace octet;
using test::GraphBuilder;

namespace {

// x (?, 2, 2, 2) -> Conv2d -> Unary -> y, without BatchNorm or anything else to simplify.
Model small_model(graph::UnaryFn fn = graph::UnaryFn::elu) {
  GraphBuilder builder;
  const auto x = builder.input("x", {-1, 2, 2, 2});
  return runtime::make_model(builder.finish({builder.unary("y", fn, builder.conv("conv", x, 2, 3))}), nullptr);
}

Model two_inputs() {
  GraphBuilder builder;
  const auto a = builder.input("a", {1, 4}), b = builder.input("b", {1, 4});
  const auto ids = builder.input("ids", {2}, DType::s64);
  const auto sum = builder.binary("sum", graph::BinaryFn::add, a, b);
  return runtime::make_model(builder.finish({builder.node("y", graph::Op::Gather, {sum, ids}, graph::GatherAttrs{1})}),
                             nullptr);
}

Status observe(Calibrator& calibrator, const std::string& name, const Shape& shape, std::span<const float> values) {
  const NamedTensor tensor{name, shape, values};
  return calibrator.observe({&tensor, 1});
}

bool mentions(const Status& status, std::string_view text) {
  INFO(status.message());
  return !status.ok() && status.message().find(text) != std::string::npos;
}

const std::array<float, 16> kTwoSamples{0.5F, -1, 2, 0.25F, 1, 1, -3, 0.125F, 4, 0, 0, 1, -0.5F, 2, 2, 1};

std::vector<float> outputs_of(const Model& model, RequantMode mode = RequantMode::fixed) {
  SessionOptions options;
  options.backend = "scalar";
  options.requant = mode;
  options.input_shapes["x"] = {2, 2, 2, 2};
  Session session = Session::create(model, options).value();
  std::ranges::copy(kTwoSamples, session.input<float>().begin());
  session.run();
  const auto output = session.output<float>();
  return {output.begin(), output.end()};
}

}  // namespace

TEST_CASE("observing and converting gives a quantized model with the same inputs and outputs") {
  const Model fp32 = small_model();
  Calibrator calibrator = Calibrator::create(fp32).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const Model int8 = calibrator.convert().value();
  CHECK(int8.is_quantized());
  CHECK_FALSE(fp32.is_quantized());
  REQUIRE(int8.inputs().size() == 1);
  CHECK(int8.inputs()[0].name == "x");
  CHECK(int8.inputs()[0].dtype == DType::f32);
  CHECK(int8.outputs()[0].name == "y");
  const auto& converted = int8.impl().graph;
  const Quant input = converted.input(test::node_called(converted, "conv"), 0).quant;
  CHECK(input == graph::choose_qparams({-3, 4}, {}).value());
}

TEST_CASE("the int8 model computes what the float model does, up to a few steps") {
  const Model fp32 = small_model();
  Calibrator calibrator = Calibrator::create(fp32).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const Model int8 = calibrator.convert().value();
  const auto expected = outputs_of(fp32), actual = outputs_of(int8);
  REQUIRE(expected.size() == 2 * 3 * 4);
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(actual[i] - expected[i]) < 0.08F);
}

TEST_CASE("the saved file gives the same bytes as the model in memory") {
  Calibrator calibrator = Calibrator::create(small_model(graph::UnaryFn::silu)).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const Model int8 = calibrator.convert().value();
  const std::string file = graph::export_onnx(int8.impl().graph).value();
  const Model loaded = Model::parse(std::as_bytes(std::span(file))).value();
  CHECK(loaded.is_quantized());
  for (RequantMode mode : {RequantMode::fixed, RequantMode::floating, RequantMode::floating_qnnpack}) {
    CHECK(outputs_of(int8, mode) == outputs_of(loaded, mode));
  }
}

TEST_CASE("batches of any size and order give the same model as one by one") {
  const Model fp32 = small_model();
  Calibrator whole = Calibrator::create(fp32).value(), single = Calibrator::create(fp32).value();
  observe(whole, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const std::span<const float> samples = kTwoSamples;
  observe(single, "x", {1, 2, 2, 2}, samples.last(8)).value();
  observe(single, "", {1, 2, 2, 2}, samples.first(8)).value();
  observe(single, "x", {2, 2, 2, 2}, kTwoSamples).value();  // nothing new
  const auto bytes = [](const Calibrator& calibrator) {
    return graph::export_onnx(calibrator.convert().value().impl().graph).value();
  };
  CHECK(bytes(whole) == bytes(single));
}

TEST_CASE("converting without a sample is refused and says what to do") {
  Calibrator calibrator = Calibrator::create(small_model()).value();
  const Status status = calibrator.convert().status();
  CHECK(mentions(status, "'x', 'conv', 'y'"));
  CHECK(mentions(status, "call observe() with at least one sample"));
}

TEST_CASE("wrong names, shapes and counts are errors that say what is right") {
  Calibrator calibrator = Calibrator::create(small_model()).value();
  const std::span<const float> all = kTwoSamples;
  CHECK(mentions(observe(calibrator, "pixels", {2, 2, 2, 2}, all), "no input 'pixels': the model has 'x'"));
  CHECK(mentions(observe(calibrator, "x", {2, 3, 2, 2}, all), "shape [2,3,2,2]: must fit the declared [?,2,2,2]"));
  CHECK(mentions(observe(calibrator, "x", {2, 2, 2}, all), "[2,2,2]"));
  CHECK(mentions(observe(calibrator, "x", {0, 2, 2, 2}, {}), "[0,2,2,2]"));
  CHECK(mentions(observe(calibrator, "x", {-1, 2, 2, 2}, all), "[?,2,2,2]"));
  CHECK(mentions(observe(calibrator, "x", {std::int64_t{1} << 62, 2, 2, 2}, all), "must fit"));
  CHECK(mentions(observe(calibrator, "x", {2, 2, 2, 2}, all.first(15)), "15 values: shape [2,2,2,2] needs 16"));
  CHECK(mentions(calibrator.observe({}), "'x' is not given"));
  const NamedTensor x{"x", {2, 2, 2, 2}, all};
  const NamedTensor twice[] = {x, x};
  CHECK(mentions(calibrator.observe(twice), "twice"));
  CHECK(mentions(calibrator.convert().status(), "never observed"));  // none of them counted
}

TEST_CASE("NaN in a sample names input, sample and element, and leaves the observers as they were") {
  Calibrator calibrator = Calibrator::create(small_model()).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const std::string before = graph::export_onnx(calibrator.convert().value().impl().graph).value();
  auto broken = kTwoSamples;
  broken[0] = 1000;
  broken[11] = std::numeric_limits<float>::quiet_NaN();
  CHECK(mentions(observe(calibrator, "x", {2, 2, 2, 2}, broken), "input 'x': NaN in sample 3 at element 3"));
  CHECK(graph::export_onnx(calibrator.convert().value().impl().graph).value() == before);
}

TEST_CASE("NaN in an activation names it, and leaves the observers as they were") {
  GraphBuilder builder;
  const auto x = builder.input("x", {1, 4});
  const auto root = builder.unary("root", graph::UnaryFn::sqrt, x);
  const Model model = runtime::make_model(builder.finish({builder.unary("y", graph::UnaryFn::elu, root)}), nullptr);
  Calibrator calibrator = Calibrator::create(model).value();
  const std::array<float, 4> good{0, 1, 2, 3}, bad{100, 1, -1, 3};
  observe(calibrator, "x", {1, 4}, good).value();
  CHECK(mentions(observe(calibrator, "x", {1, 4}, bad), "activation 'root': NaN in sample 1 at element 2"));
  const Model int8 = calibrator.convert().value();
  const auto& converted = int8.impl().graph;
  CHECK(converted.input(test::node_called(converted, "y"), 0).quant ==
        graph::choose_qparams({0, std::sqrt(3.0F)}, {}).value());
}

TEST_CASE("several inputs, one of integers that come as floats") {
  Calibrator calibrator = Calibrator::create(two_inputs()).value();
  const std::array<float, 4> a{1, 2, 3, 4}, b{-1, -2, -3, -8};
  const std::array<float, 2> ids{3, 0}, fraction{0.5F, 0}, huge{1e30F, 0};
  const auto observe_with = [&](std::span<const float> indices) {
    const NamedTensor tensors[] = {{"ids", {2}, indices}, {"b", {1, 4}, b}, {"a", {1, 4}, a}};
    return calibrator.observe(tensors);
  };
  CHECK(mentions(observe_with(fraction), "0.5 at element 0: its type s64 has no such number"));
  CHECK(mentions(observe_with(huge), "no such number"));
  observe_with(ids).value();
  const Model int8 = calibrator.convert().value();
  CHECK(int8.inputs()[2].dtype == DType::s64);
  CHECK(int8.is_quantized());
}

TEST_CASE("a quantized model, one without int8 operators and an impossible configuration are refused") {
  Calibrator calibrator = Calibrator::create(small_model()).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const Model int8 = calibrator.convert().value();
  CHECK(mentions(Calibrator::create(int8).status(), "model 'test' is quantized already"));

  GraphBuilder builder;
  const auto x = builder.input("x", {1, 4});
  const Model roots = runtime::make_model(builder.finish({builder.unary("y", graph::UnaryFn::log, x)}), nullptr);
  CHECK(mentions(Calibrator::create(roots).status(), "none of its operators"));

  QConfig config;
  config.activation.per_channel = true;
  CHECK(mentions(Calibrator::create(small_model(), config).status(), "per_channel"));
}

TEST_CASE("a calibrator can be moved") {
  Calibrator first = Calibrator::create(small_model()).value();
  observe(first, "x", {2, 2, 2, 2}, kTwoSamples).value();
  Calibrator second = std::move(first);
  CHECK(second.convert().ok());
}
