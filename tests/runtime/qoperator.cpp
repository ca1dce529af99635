// SPDX-License-Identifier: Apache-2.0
// Operators on codes (QLinearConv ...) become int8 nodes, and give what the float operator between DequantizeLinear
// and QuantizeLinear gives, rounded once.
#include <cmath>
#include <random>

#include "tests/support/run_model.h"

using namespace octet;
using tests::OnnxBuilder;
using tests::Run;

namespace {

struct Scale {
  float scale;
  int zero;
};

// Adds "<name>_s" and "<name>_z"; the two names.
std::vector<std::string> parameters(OnnxBuilder& model, const std::string& name, Scale scale) {
  model.initializer<float>(name + "_s", {}, {scale.scale});
  model.initializer<std::uint8_t>(name + "_z", {}, {static_cast<std::uint8_t>(scale.zero)});
  return {name + "_s", name + "_z"};
}

void append(std::vector<std::string>& inputs, const std::vector<std::string>& more) {
  inputs.insert(inputs.end(), more.begin(), more.end());
}

std::vector<std::uint8_t> random_codes(std::size_t count, std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<std::uint8_t> codes(count);
  for (auto& code : codes) code = static_cast<std::uint8_t>(engine() >> 24);
  return codes;
}

double real(Scale scale, int code) { return double{scale.scale} * (code - scale.zero); }

int code(Scale scale, double x) {
  const double steps = std::nearbyint(x / double{scale.scale}) + scale.zero;
  return static_cast<int>(std::min(255.0, std::max(0.0, steps)));
}

constexpr Scale kA{0.02F, 120}, kB{0.031F, 99}, kY{0.043F, 131};

// The codes may only differ where a rounding tie falls the other way.
template <class Expected>
void check(const std::vector<std::uint8_t>& codes, const Expected& expected) {
  for (std::size_t i = 0; i < codes.size(); ++i) {
    INFO("element " << i);
    CHECK(int{codes[i]} == code(kY, expected(i)));
  }
}

}  // namespace

TEST_CASE("QLinearAdd and QLinearMul") {
  const bool adds = GENERATE(true, false);
  OnnxBuilder model;
  model.input<std::uint8_t>("a", {2, 9}).input<std::uint8_t>("b", {9}).output("y");
  std::vector<std::string> inputs{"a"};
  append(inputs, parameters(model, "a", kA));
  inputs.push_back("b");
  append(inputs, parameters(model, "b", kB));
  append(inputs, parameters(model, "y", kY));
  model.node(adds ? "QLinearAdd" : "QLinearMul", inputs, {"y"}).domain("com.microsoft");
  const auto a = random_codes(18, 1), b = random_codes(9, 2);
  Run run(model, {.threads = 1, .requant = RequantMode::floating});
  CHECK(run.ledger() == "Binary int8");
  check(run.set("a", a).set("b", b).get<std::uint8_t>("y"), [&](std::size_t i) {
    const double x = real(kA, a[i]), z = real(kB, b[i % 9]);
    return adds ? x + z : x * z;
  });
}

TEST_CASE("QLinearConv with a bias, per channel") {
  OnnxBuilder model;
  model.input<std::uint8_t>("x", {1, 2, 3, 3}).output("y");
  std::vector<std::string> inputs{"x"};
  append(inputs, parameters(model, "x", kA));
  std::vector<std::int8_t> w;
  for (int i = 0; i < 3 * 2; ++i) w.push_back(static_cast<std::int8_t>(17 * i - 40));
  const std::vector<float> scales{0.01F, 0.02F, 0.005F};
  model.initializer("w", {3, 2, 1, 1}, w).initializer("w_s", {3}, scales);
  model.initializer<std::int8_t>("w_z", {3}, {0, 0, 0}).initializer<std::int32_t>("b", {3}, {100, -200, 300});
  append(inputs, {"w", "w_s", "w_z"});
  append(inputs, parameters(model, "y", kY));
  inputs.push_back("b");
  model.node("QLinearConv", inputs, {"y"});
  const auto x = random_codes(18, 3);
  Run run(model);
  CHECK(run.ledger().find("Conv2d int8") != std::string::npos);
  CHECK(run.ledger().find("fp32") == std::string::npos);
  const int bias[] = {100, -200, 300};
  check(run.set("x", x).get<std::uint8_t>("y"), [&](std::size_t i) {
    const std::size_t c = i / 9, at = i % 9;
    const int sum = (x[at] - kA.zero) * w[2 * c] + (x[9 + at] - kA.zero) * w[2 * c + 1] + bias[c];
    return sum * double{kA.scale} * double{scales[c]};
  });
}

TEST_CASE("QGemm, MatMulIntegerToFloat and QLinearMatMul are one Dense") {
  const std::string op = GENERATE(as<std::string>(), "QGemm", "MatMulIntegerToFloat", "QLinearMatMul");
  OnnxBuilder model;
  model.input<std::uint8_t>("x", {4, 3}).output("y");
  const auto w = random_codes(6, 4);
  model.initializer("w", {3, 2}, w);
  const auto x_is = parameters(model, "x", kA), w_is = parameters(model, "w", kB), y_is = parameters(model, "y", kY);
  if (op == "MatMulIntegerToFloat") {
    model.node(op, {"x", "w", x_is[0], w_is[0], x_is[1], w_is[1]}, {"real"}).domain("com.microsoft");
    model.node("QuantizeLinear", {"real", y_is[0], y_is[1]}, {"y"});
  } else if (op == "QGemm") {
    model.node(op, {"x", x_is[0], x_is[1], "w", w_is[0], w_is[1], "", y_is[0], y_is[1]}, {"y"}).domain("com.microsoft");
  } else {
    model.node(op, {"x", x_is[0], x_is[1], "w", w_is[0], w_is[1], y_is[0], y_is[1]}, {"y"});
  }
  const auto x = random_codes(12, 5);
  Run run(model);
  CHECK(run.ledger() == "Dense int8");
  check(run.set("x", x).get<std::uint8_t>("y"), [&](std::size_t i) {
    double sum = 0;
    for (std::size_t k = 0; k < 3; ++k) sum += real(kA, x[i / 2 * 3 + k]) * real(kB, w[k * 2 + i % 2]);
    return sum;
  });
}

TEST_CASE("operators of one activation") {
  struct Case {
    const char* op;
    double (*expected)(const std::vector<double>& x, std::size_t i);
  };
  const auto one = GENERATE(values<Case>({
      {"QLinearSigmoid", [](const std::vector<double>& x, std::size_t i) { return 1 / (1 + std::exp(-x[i])); }},
      {"QLinearLeakyRelu", [](const std::vector<double>& x, std::size_t i) { return x[i] < 0 ? 0.01 * x[i] : x[i]; }},
      {"QLinearGlobalAveragePool",
       [](const std::vector<double>& x, std::size_t i) {
         return (x[4 * i] + x[4 * i + 1] + x[4 * i + 2] + x[4 * i + 3]) / 4;
       }},
  }));
  INFO(one.op);
  OnnxBuilder model;
  model.input<std::uint8_t>("x", {1, 3, 2, 2}).output("y");
  std::vector<std::string> inputs{"x"};
  append(inputs, parameters(model, "x", kA));
  append(inputs, parameters(model, "y", kY));
  model.node(one.op, inputs, {"y"}).domain("com.microsoft");
  const auto x = random_codes(12, 6);
  std::vector<double> reals;
  for (int c : x) reals.push_back(real(kA, c));
  Run run(model, {.threads = 1, .requant = RequantMode::floating});
  CHECK(run.ledger().find("fp32") == std::string::npos);
  check(run.set("x", x).get<std::uint8_t>("y"), [&](std::size_t i) { return one.expected(reals, i); });
}

TEST_CASE("QLinearConcat and QLinearWhere map the codes of each part") {
  const bool concat = GENERATE(true, false);
  OnnxBuilder model;
  model.input<std::uint8_t>("a", {2, 3}).input<std::uint8_t>("b", {2, 3}).output("y");
  const auto a_is = parameters(model, "a", kA), b_is = parameters(model, "b", kB), y_is = parameters(model, "y", kY);
  if (concat) {
    model.node("QLinearConcat", {y_is[0], y_is[1], "a", a_is[0], a_is[1], "b", b_is[0], b_is[1]}, {"y"})
        .domain("com.microsoft")
        .set("axis", 0);
  } else {
    model.initializer<bool>("c", {2, 3}, {true, false, true, false, true, false});
    model.node("QLinearWhere", {"c", "a", a_is[0], a_is[1], "b", b_is[0], b_is[1], y_is[0], y_is[1]}, {"y"})
        .domain("com.microsoft");
  }
  const auto a = random_codes(6, 7), b = random_codes(6, 8);
  Run run(model, {.threads = 1, .requant = RequantMode::floating});
  CHECK(run.ledger() == (concat ? "Concat int8" : "Where int8"));
  check(run.set("a", a).set("b", b).get<std::uint8_t>("y"), [&](std::size_t i) {
    if (concat) return i < 6 ? real(kA, a[i]) : real(kB, b[i - 6]);
    return i % 2 == 0 ? real(kA, a[i]) : real(kB, b[i]);
  });
}

TEST_CASE("dynamic quantization: exact sums of codes made when run") {
  const bool contrib = GENERATE(true, false);
  const bool per_column = GENERATE(true, false);
  OnnxBuilder model;
  model.input("x", {-1, 5}).output("y");
  const auto bytes = random_codes(15, 9);
  std::vector<std::int8_t> w;
  for (int byte : bytes) w.push_back(static_cast<std::int8_t>(byte - 128));
  const std::vector<float> scales = per_column ? std::vector<float>{0.01F, 0.02F, 0.03F} : std::vector<float>{0.01F};
  const tests::Dims entries = per_column ? tests::Dims{3} : tests::Dims{};
  model.initializer("w", {5, 3}, w).initializer("w_s", entries, scales);
  model.initializer("w_z", entries, std::vector<std::int8_t>(scales.size(), 0));
  model.initializer<float>("b", {3}, {0.5F, -0.25F, 1});
  if (contrib) {
    model.node("DynamicQuantizeMatMul", {"x", "w", "w_s", "w_z", "b"}, {"y"}).domain("com.microsoft");
  } else {
    model.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
    model.node("MatMulInteger", {"q", "w", "z", "w_z"}, {"sum"});
    model.node("Cast", {"sum"}, {"float_sum"}).set("to", 1);
    model.node("Mul", {"s", "w_s"}, {"scale"});
    model.node("Mul", {"float_sum", "scale"}, {"scaled"});
    model.node("Add", {"scaled", "b"}, {"y"});
  }
  const std::vector<float> x{0.5F, -1.25F, 3, 0.1F, 2, 0, 0.25F, -0.5F, 1, 7};
  Run run(model, {.threads = 1, .input_shapes = {{"x", {2, 5}}}});
  CHECK(run.ledger().find("DynamicDense int8->fp32") != std::string::npos);
  const auto y = run.set("x", x).get<float>("y");

  const float low = -1.25F, high = 7, step = (high - low) / 255;
  const auto zero = static_cast<int>(std::nearbyint(0 - low / step));
  for (std::size_t i = 0; i < y.size(); ++i) {
    int sum = 0;
    for (std::size_t k = 0; k < 5; ++k) {
      const int q = static_cast<int>(std::nearbyint(x[i / 3 * 5 + k] / step)) + zero;
      sum += (std::min(255, std::max(0, q)) - zero) * w[k * 3 + i % 3];
    }
    const float scale = step * scales[per_column ? i % 3 : 0];
    const float bias[] = {0.5F, -0.25F, 1};
    CHECK(y[i] == static_cast<float>(sum) * scale + bias[i % 3]);
  }
}
