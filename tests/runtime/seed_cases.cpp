// SPDX-License-Identifier: Apache-2.0
// Four questions that people asked about int8 numbers they could not reproduce: each is reproduced here
// code for code, explained, and where it was a mistake, cured.
#include <octet/compare.h>
#include <octet/explain.h>

#include <cmath>
#include <numeric>

#include "tests/quantize/golden.h"
#include "tests/support/codes_graph.h"

using namespace octet;
using graph::Op;
using graph::ValueId;
using test::CodesGraph;
using test::from_bits;

namespace {

constexpr RequantMode kModes[] = {RequantMode::fixed, RequantMode::floating, RequantMode::floating_qnnpack};

SessionOptions in_mode(RequantMode mode) {
  SessionOptions options;
  options.requant = mode;
  options.threads = 1;
  return options;
}

template <class T>
std::vector<T> list(const nlohmann::json& json) {
  return json.get<std::vector<T>>();
}

// What the explanation calls `step`.
std::string step(const Explanation& explanation, const std::string& name) {
  for (const Explanation::Step& one : explanation.steps) {
    if (one.name == name) return one.value;
  }
  return "none";
}

bool has_note(const Explanation& explanation, const std::string& text) {
  return std::ranges::any_of(explanation.notes,
                             [&](const std::string& note) { return note.find(text) != std::string::npos; });
}

// ---- 24 -> 30, not 31 -------------------------------------------------------------------------

Model conv_24(const nlohmann::json& file) {
  CodesGraph b;
  const ValueId x = b.input("x", {1, 1, 4, 16}, from_bits(file.at("sx_hex").get<std::string>()), file.at("zx"));
  const ValueId w = b.weights("w", {1, 1, 1, 1}, {static_cast<std::int8_t>(file.at("w_q").get<int>())},
                              {from_bits(file.at("sw_hex").get<std::string>())});
  const ValueId bias = b.reals("b", {1}, {from_bits(file.at("bias_hex").get<std::string>())});
  return b.finish({b.node("conv1", Op::Conv2d, {x, w, bias}, graph::Conv2dAttrs{},
                          from_bits(file.at("so_hex").get<std::string>()), file.at("zo"))});
}

// ---- one 1x1 convolution whose weight is k = 1 -------------------------------------------------

Model float_conv() {
  CodesGraph b;
  const ValueId x = b.real_input("x", {1, 1, 1, 256});
  graph::Conv2dAttrs attrs;
  attrs.clamp.lo = 0;
  const ValueId y = b.node("conv", Op::Conv2d, {x, b.reals("w", {1, 1, 1, 1}, {1.0F})}, attrs, 1, 0);
  b.graph[y].dtype = DType::f32;
  b.graph[y].quant = {};
  REQUIRE(graph::infer_shapes(b.graph).ok());
  return b.finish({y});
}

std::vector<float> ramp() {
  std::vector<float> x(256);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i) / 255.0F;
  return x;
}

Model converted(const Model& fp32, const QuantSpec& weight) {
  QConfig config;
  config.weight = weight;
  Calibrator calibrator = Calibrator::create(fp32, config).value();
  const std::vector<float> x = ramp();
  const NamedTensor sample{"x", {1, 1, 1, 256}, x};
  calibrator.observe(std::span(&sample, 1)).value();
  return calibrator.convert().value();
}

// The output's codes, whose scale is 1/255.
std::vector<int> codes_of(const Model& model, RequantMode mode) {
  Session session = Session::create(model, in_mode(mode)).value();
  std::ranges::copy(ramp(), session.input<float>().begin());
  session.run();
  std::vector<int> codes;
  for (float y : session.output<float>()) codes.push_back(static_cast<int>(std::lround(y * 255)));
  return codes;
}

}  // namespace

TEST_CASE("seed: 64 printed codes of a quantized convolution, 24 -> 30 among them", "[seed]") {
  const nlohmann::json file = test::golden("seed_conv_24_to_30.json");
  const Model model = conv_24(file);
  const auto inputs = list<std::uint8_t>(file.at("q_in")), expected = list<std::uint8_t>(file.at("q_out"));
  for (RequantMode mode : kModes) CHECK(test::run_codes(model, {inputs}, in_mode(mode)) == expected);

  // The codes came from a quantized ramp.
  const float sx = from_bits(file.at("sx_hex").get<std::string>());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const float x = static_cast<float>(file.at("x_float_over_255").at(i).get<int>()) / 255.0F;
    CHECK(std::nearbyint(x * (1.0F / sx)) == inputs[i]);
  }
}

TEST_CASE("seed: octet explain prints the chain from 24 to 30", "[seed]") {
  const nlohmann::json file = test::golden("seed_conv_24_to_30.json");
  const Model model = conv_24(file);
  const auto codes = list<float>(file.at("q_in"));
  const NamedTensor input{"x", {1, 1, 4, 16}, codes};
  const auto explain_at = [&](RequantMode mode) {
    return explain(model, std::span(&input, 1), ExplainQuery::parse("conv1[0,0,2,15]").value(),
                   {in_mode(mode), nullptr})
        .value();
  };
  const Explanation e = explain_at(RequantMode::fixed);
  REQUIRE(e.taps.size() == 1);
  CHECK(e.taps[0].input == 24);
  CHECK(e.taps[0].weight == 127);
  CHECK(step(e, "sum of products") == "3048");
  CHECK(step(e, "bias") == std::to_string(file.at("bias_q_int32").get<int>()));
  CHECK(step(e, "accumulator") == "4120");
  CHECK(step(e, "rounding") == "30");
  CHECK(e.code == 30);
  CHECK(std::abs(e.exact - 30.3217) < 2e-3);
  CHECK(std::abs(file.at("real_value_for_24").get<double>() - e.exact) < 2e-3);
  // The question's own arithmetic, with the digits that were printed, and why it ends at 31.
  CHECK(has_note(e, "0.0078, 0.0038, 0.0040"));
  CHECK(has_note(e, "-> 31"));
  REQUIRE(e.alternatives.size() == 4);
  for (const Explanation::Alternative& other : e.alternatives) CHECK(other.code == 30);
  const std::string text = to_text(e);
  INFO(text);
  for (const char* part : {"x[0,0,2,15] = 24", "w[0,0,0,0] = 127", "= 4120", "fbgemm", "ONNX Runtime"})
    CHECK(text.find(part) != std::string::npos);
  CHECK(explain_at(RequantMode::floating).code == 30);
  CHECK(step(explain_at(RequantMode::floating_qnnpack), "multiplier").starts_with("0.0073599"));
}

TEST_CASE("seed: the repeated 127, reproduced with weights on 127.5 and cured by the default", "[seed]") {
  const nlohmann::json file = test::golden("seed_qat_conv_127.json");
  const Model fp32 = float_conv();
  QuantSpec half{DType::s8, Scheme::symmetric, -128, 127, false};
  half.rule = ScaleRule::half;
  const Model on_half = converted(fp32, half), by_default = converted(fp32, QConfig{}.weight);
  for (RequantMode mode : kModes) {
    CHECK(codes_of(on_half, mode) == list<int>(file.at("q_out_converted")));
    CHECK(codes_of(by_default, mode) == list<int>(file.at("q_out_fakequant")));
  }
  const std::vector<float> x = ramp();
  const NamedTensor input{"x", {1, 1, 1, 256}, x};
  const auto query = ExplainQuery::parse("conv[0,0,0,128]").value();
  const Explanation repeated =
      explain(on_half, std::span(&input, 1), query, {in_mode(RequantMode::fixed), &fp32}).value();
  CHECK(repeated.code == 127);
  CHECK(std::abs(repeated.exact - 127.498) < 1e-3);
  CHECK(has_note(repeated, "input 127 gives 127 as well"));
  CHECK(has_note(repeated, "127.5 steps of its scale and became 127"));
  REQUIRE(repeated.fp32);
  CHECK(*repeated.fp32 == x[128]);
  const Explanation cured =
      explain(by_default, std::span(&input, 1), query, {in_mode(RequantMode::fixed), &fp32}).value();
  CHECK(cured.code == 128);
  CHECK(cured.notes.empty());

  // compare blames the weights, and only where they are to blame.
  for (const bool is_half : {true, false}) {
    Comparison comparison = Comparison::create(fp32, is_half ? on_half : by_default).value();
    comparison.add(std::span(&input, 1)).value();
    const auto ops = comparison.ops();
    const auto conv = std::ranges::find(ops, "conv", &OpComparison::name);
    REQUIRE(conv != ops.end());
    REQUIRE(conv->has_parts);
    CHECK(std::abs(conv->parts.weights - (is_half ? 1.0 / 255 : 0.0)) < 1e-6);
    CHECK((conv->enters == "weights") == is_half);
  }
}

TEST_CASE("seed: weight -2.0002 becomes -128 or -127, and exactly itself on 127", "[seed]") {
  const nlohmann::json file = test::golden("seed_weight_127_5.json");
  const float w = from_bits(file.at("running_min_hex").get<std::string>());
  const auto code_of = [&](const Quant& quant, CodeBounds bounds, QuantizeBy by) {
    std::int8_t code = 0;
    quantize_tensor(std::span(&w, 1), Shape{1}, quant, std::span(&code, 1), by, bounds).value();
    return static_cast<int>(code);
  };
  const auto real_of = [&](const Quant& quant, int code) {
    return quant.scale[0] * static_cast<float>(code - quant.zero_point[0]);
  };
  QuantSpec spec{DType::s8, Scheme::symmetric, -128, 127, false};
  spec.rule = ScaleRule::half;
  const auto& python = file.at("python_symmetric");
  const Quant half = choose_qparams(Range{w, w}, spec).value();
  CHECK(half.scale[0] == from_bits(python.at("scale_hex").get<std::string>()));
  CHECK(half.zero_point[0] == python.at("zp").get<int>());
  CHECK(code_of(half, {-128, 127}, QuantizeBy::division) == python.at("q_of_running_min_div").get<int>());
  CHECK(code_of(half, {-128, 127}, QuantizeBy::reciprocal) == python.at("q_of_running_min_mulinv").get<int>());
  CHECK(real_of(half, -128) == static_cast<float>(python.at("dq_minus128").get<double>()));
  CHECK(real_of(half, -127) == static_cast<float>(python.at("dq_minus127").get<double>()));

  spec.rule = ScaleRule::fused;
  const auto& fused = file.at("cpp_fused_fake_quant");
  const Quant one_sided = choose_qparams(Range{w, w}, spec).value();
  CHECK(one_sided.scale[0] == from_bits(fused.at("scale_hex").get<std::string>()));
  CHECK(one_sided.zero_point[0] == fused.at("zp").get<int>());
  CHECK(code_of(one_sided, {-128, 127}, QuantizeBy::division) == fused.at("q").get<int>());
  CHECK(real_of(one_sided, -128) == static_cast<float>(fused.at("dq").get<double>()));

  const auto& exact = file.at("alt_max_over_127");
  const Quant own = choose_qparams(Range{w, w}, QConfig{}.weight).value();
  CHECK(own.scale[0] == from_bits(exact.at("scale_hex").get<std::string>()));
  CHECK(code_of(own, {-127, 127}, QuantizeBy::division) == exact.at("q").get<int>());
  CHECK(real_of(own, -127) == from_bits(exact.at("dq_hex").get<std::string>()));
}

TEST_CASE("seed: a model converted without calibration rounds to whole numbers", "[seed]") {
  const nlohmann::json file = test::golden("seed_uncalibrated_scale1.json");
  CodesGraph b;
  const ValueId x = b.real_input("x", Shape(list<std::int64_t>(file.at("x_shape"))));
  const ValueId codes =
      b.node("quant", Op::Quantize, {x}, graph::QuantizeAttrs{true, {}}, file.at("sx"), file.at("zx"));
  const ValueId w = b.weights("w", Shape(list<std::int64_t>(file.at("w_shape"))), list<std::int8_t>(file.at("w_q")),
                              {from_bits(file.at("w_scale_hex").get<std::string>())});
  graph::Conv2dAttrs attrs;
  attrs.window.kernel = {3, 3};
  const ValueId y = b.node("conv", Op::Conv2d, {codes, w}, attrs, file.at("so"), file.at("zo"));
  const Model model = b.finish({y, codes});
  const std::vector<float> reals = from_bits(list<std::string>(file.at("x_hex")));
  for (RequantMode mode : kModes) {
    Session session = Session::create(model, in_mode(mode)).value();
    std::ranges::copy(reals, session.input<float>().begin());
    session.run();
    CHECK(std::ranges::equal(session.output<std::uint8_t>(0), list<std::uint8_t>(file.at("y_q"))));
    CHECK(std::ranges::equal(session.output<std::uint8_t>(1), list<std::uint8_t>(file.at("x_q"))));
  }
  const NamedTensor input{"x", Shape(list<std::int64_t>(file.at("x_shape"))), reals};
  const auto query = ExplainQuery::parse("conv[0,0,0,0]").value();
  const Explanation e = explain(model, std::span(&input, 1), query).value();
  CHECK(e.code == file.at("y_q").at(0).get<int>());
  CHECK(has_note(e, "scale 1 and zero point 0"));

  // Beside the float model: the error that the question saw, and the tool's word for it.
  CodesGraph f;
  const ValueId fx = f.real_input("x", Shape(list<std::int64_t>(file.at("x_shape"))));
  const ValueId fw =
      f.reals("w", Shape(list<std::int64_t>(file.at("w_shape"))), from_bits(list<std::string>(file.at("w_hex"))));
  const ValueId fy = f.node("conv", Op::Conv2d, {fx, fw}, attrs, 1, 0);
  f.graph[fy].dtype = DType::f32;
  f.graph[fy].quant = {};
  REQUIRE(graph::infer_shapes(f.graph).ok());
  const Model fp32 = f.finish({fy});
  Comparison comparison = Comparison::create(fp32, model).value();
  comparison.add(std::span(&input, 1)).value();
  const auto ops = comparison.ops();
  const auto conv = std::ranges::find(ops, "conv", &OpComparison::name);
  REQUIRE(conv != ops.end());
  CHECK(conv->uncalibrated);
  CHECK(conv->worst);
  CHECK(conv->sqnr_db < 6);
  Session session = Session::create(fp32, in_mode(RequantMode::fixed)).value();
  std::ranges::copy(reals, session.input<float>().begin());
  session.run();
  double error = 0;
  for (std::size_t i = 0; i < session.output<float>().size(); ++i) {
    const double d = session.output<float>()[i] - file.at("y_q").at(i).get<double>();
    error += d * d;
  }
  const double mse = error / static_cast<double>(session.output<float>().size());
  CHECK(std::abs(mse / file.at("mse_vs_float").get<double>() - 1) < 1e-4);

  // octet's own conversion does not come that far.
  const Calibrator calibrator = Calibrator::create(fp32).value();
  const Result<Model> refused = calibrator.convert();
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.status().message().find("never observed") != std::string::npos);
  CHECK(refused.status().message().find("at least one sample before convert()") != std::string::npos);
}
