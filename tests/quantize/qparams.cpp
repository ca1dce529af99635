// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/qparams.h"

#include <octet/quantize.h>

#include <tuple>

#include "tests/quantize/golden.h"

using namespace octet;
using namespace octet::graph;

namespace {

QuantSpec spec_of(DType dtype, Scheme scheme, int min, int max, ScaleRule rule = ScaleRule::exact) {
  QuantSpec spec{dtype, scheme, min, max, false};
  spec.rule = rule;
  return spec;
}

Quant scale_and_zero(float scale, std::int32_t zero_point) { return {{scale}, {zero_point}, -1}; }

}  // namespace

TEST_CASE("the range always holds 0, and no scale is below eps") {
  const QuantSpec u8;
  CHECK(choose_qparams({2, 4}, u8).value() == Quant{{4.0F / 255}, {0}, -1});
  CHECK(choose_qparams({-4, -2}, u8).value() == Quant{{4.0F / 255}, {255}, -1});
  CHECK(choose_qparams({0, 0}, u8).value() == Quant{{0x1p-23F}, {0}, -1});
  CHECK(choose_qparams({-1e-9F, 1e-9F}, u8).value() == Quant{{0x1p-23F}, {0}, -1});
  QuantSpec coarse = u8;
  coarse.eps = 0x1p-12F;
  CHECK(choose_qparams({0, 0.01F}, coarse).value().scale[0] == 0x1p-12F);
  CHECK(choose_qparams({-1, 2}, spec_of(DType::u8, Scheme::symmetric, 0, 255, ScaleRule::half)).value() ==
        scale_and_zero(2 / 127.5F, 128));
}

TEST_CASE("ranges without parameters are refused, never given a scale of 1") {
  CHECK(choose_qparams({}, {}).status().message().find("observed") != std::string::npos);
  CHECK_FALSE(choose_qparams({-3e38F, 3e38F}, {}).ok());  // the width overflows
  CHECK_FALSE(choose_qparams({0, std::numeric_limits<float>::infinity()}, {}).ok());
  CHECK_FALSE(choose_qparams({std::numeric_limits<float>::quiet_NaN(), 1}, {}).ok());
}

TEST_CASE("specs that no codes can meet are refused") {
  const auto message = [](const QuantSpec& spec) { return check_spec(spec).message(); };
  CHECK(message({}).empty());
  CHECK(message({DType::f32, Scheme::affine, 0, 255, false}).find("f32") != std::string::npos);
  CHECK(message({DType::u8, Scheme::affine, -1, 255, false}).find("-1 to 255") != std::string::npos);
  CHECK(message({DType::s8, Scheme::affine, -128, 128, false}).find("-128 to 128") != std::string::npos);
  CHECK(message({DType::u8, Scheme::affine, 5, 5, false}).find("two") != std::string::npos);
  QuantSpec no_eps;
  no_eps.eps = 0;
  CHECK(message(no_eps).find("positive") != std::string::npos);
}

TEST_CASE("functions with a known range have known parameters") {
  CHECK(fixed_qparams(0, 1, {}) == Quant{{1.0F / 256}, {0}, -1});
  CHECK(fixed_qparams(-1, 1, {}) == Quant{{2.0F / 256}, {128}, -1});
  const QuantSpec s8{DType::s8, Scheme::affine, -128, 127, false};
  CHECK(fixed_qparams(0, 1, s8) == Quant{{1.0F / 256}, {-128}, -1});
  CHECK(fixed_qparams(-1, 1, s8) == Quant{{2.0F / 256}, {0}, -1});
}

TEST_CASE("reduce_range halves 256 codes and leaves fewer alone") {
  QuantSpec spec;
  spec.reduce_range = true;
  CHECK(spec.bounds() == CodeBounds{0, 127});
  CHECK(choose_qparams({0, 4}, spec).value() == scale_and_zero(4.0F / 127, 0));
  CHECK(fixed_qparams(0, 1, spec) == scale_and_zero(1.0F / 256, 0));
  spec = {DType::s8, Scheme::affine, -128, 127, false};
  spec.reduce_range = true;
  CHECK(spec.bounds() == CodeBounds{-64, 63});
  spec.quant_min = -127;
  CHECK(spec.bounds() == CodeBounds{-127, 127});
}

TEST_CASE("the rules for symmetric codes: the largest value exact, half the steps, and the fused one") {
  using enum ScaleRule;
  const auto chosen = [](Range range, int min, int max, ScaleRule rule) {
    return choose_qparams(range, spec_of(DType::s8, Scheme::symmetric, min, max, rule)).value();
  };
  // (weights, codes) of networks trained by PyTorch 1.13
  CHECK(chosen({1, 1}, -128, 127, fused) == scale_and_zero(1.0F / 255, -128));
  CHECK(chosen({1, 1}, -128, 127, half) == scale_and_zero(2.0F / 255, 0));
  CHECK(chosen({1, 1}, -128, 127, exact) == scale_and_zero(1.0F / 127, 0));
  CHECK(chosen({-1, 1}, -128, 127, fused) == scale_and_zero(1.0F / 127, 0));
  CHECK(chosen({-1, 1}, -128, 127, half) == scale_and_zero(2.0F / 255, 0));
  CHECK(chosen({1, 1}, -127, 127, fused) == scale_and_zero(1.0F / 254, -127));
  CHECK(chosen({1, 1}, -127, 127, half) == chosen({1, 1}, -127, 127, exact));
  CHECK(chosen({-1, 1}, -127, 127, fused).scale[0] == static_cast<float>(255.0 / (127 * 254)));  // overshoots
  CHECK(chosen({-1, 1}, -127, 127, exact) == scale_and_zero(1.0F / 127, 0));
  // All codes on one side of 0: that side has to do.
  CHECK(chosen({-3, 1}, 0, 100, exact) == scale_and_zero(3.0F / 100, 0));
  // Next to nothing: the fused rule has a floor of its own.
  CHECK(chosen({-1e-9F, 1e-9F}, -128, 127, fused).scale[0] == 6.1e-5F);
  CHECK(chosen({0, 0}, -128, 127, fused).scale[0] == 0.1F);
}

TEST_CASE("the weight of -127.5 steps: where 127.5 loses half a step, and the default none") {
  const auto file = test::golden("seed_weight_127_5.json");
  const float w = test::from_bits(file["running_min_hex"].get<std::string>());
  const auto quantized = [w](const QuantSpec& spec, QuantizeBy by, std::int8_t& code) {
    const Quant quant = choose_qparams({w, w}, spec).value();
    REQUIRE(quantize_tensor({&w, 1}, {1}, quant, {&code, 1}, by).ok());
    float real = 0;
    REQUIRE(dequantize_tensor(std::span<const std::int8_t>(&code, 1), {1}, quant, {&real, 1}).ok());
    return std::pair(quant.scale[0], real);
  };
  std::int8_t code = 0;
  const auto& half = file["python_symmetric"];
  const QuantSpec pytorch = spec_of(DType::s8, Scheme::symmetric, -128, 127, ScaleRule::half);
  auto [scale, real] = quantized(pytorch, QuantizeBy::division, code);
  CHECK(scale == test::from_bits(half["scale_hex"].get<std::string>()));
  CHECK(code == half["q_of_running_min_div"].get<int>());
  CHECK(real == half["dq_minus128"].get<float>());
  std::tie(scale, real) = quantized(pytorch, QuantizeBy::reciprocal, code);
  CHECK(code == half["q_of_running_min_mulinv"].get<int>());
  CHECK(real == half["dq_minus127"].get<float>());

  const auto& fused = file["cpp_fused_fake_quant"];
  const QuantSpec trained = spec_of(DType::s8, Scheme::symmetric, -128, 127, ScaleRule::fused);
  std::tie(scale, real) = quantized(trained, QuantizeBy::division, code);
  CHECK(scale == test::from_bits(fused["scale_hex"].get<std::string>()));
  CHECK(code == fused["q"].get<int>());
  CHECK(real == w);

  std::tie(scale, real) = quantized(QConfig{}.weight, QuantizeBy::division, code);
  CHECK(scale == test::from_bits(file["alt_max_over_127"]["scale_hex"].get<std::string>()));
  CHECK(code == -127);
  CHECK(real == w);
}

TEST_CASE("ranges along an axis give a scale each, and a channel without one is named") {
  const Range channels[] = {{-1, 1}, {0, 255}};
  const Quant quant = choose_qparams(channels, 1, {}).value();
  CHECK(quant == Quant{{2.0F / 255, 1}, {127, 0}, 1});  // 1 / (2/255) is a little below 127.5 in float
  const Range missing[] = {{-1, 1}, {}};
  CHECK(choose_qparams(missing, 0, {}).status().message().find("channel 1: no value was observed") == 0);
  CHECK_FALSE(choose_qparams(channels, -1, {}).ok());
}

TEST_CASE("tensors per tensor and per channel, by division and by reciprocal") {
  const std::vector<float> x{0.9872F, -1.6833F, -0.9345F, 0.6531F};
  std::vector<std::uint8_t> codes(4);
  REQUIRE(quantize_tensor(x, {2, 2}, {{0.5F}, {8}, -1}, codes).ok());
  CHECK(codes == std::vector<std::uint8_t>{10, 5, 6, 9});
  std::vector<float> real(4);
  REQUIRE(dequantize_tensor(codes, {2, 2}, {{0.5F}, {8}, -1}, real).ok());
  CHECK(real == std::vector<float>{1, -1.5F, -1, 0.5F});
  REQUIRE(quantize_tensor(x, {2, 2}, {{0.5F, 0.25F}, {8, 0}, 1}, codes).ok());
  CHECK(codes == std::vector<std::uint8_t>{10, 0, 6, 3});
  // The pair that tells division and reciprocal apart.
  const float tie = 0.273939937F;
  std::uint8_t code = 0;
  REQUIRE(quantize_tensor({&tie, 1}, {1}, {{0.00214854861F}, {0}, -1}, {&code, 1}).ok());
  CHECK(code == 127);
  REQUIRE(quantize_tensor({&tie, 1}, {1}, {{0.00214854861F}, {0}, -1}, {&code, 1}, QuantizeBy::reciprocal).ok());
  CHECK(code == 128);
  CHECK(quantize_tensor(x, {2, 2}, {{0.0F}, {8}, -1}, codes).message().find("scale 0: must be") == 0);
  CHECK_FALSE(quantize_tensor(x, {2, 3}, {{1.0F}, {8}, -1}, codes).ok());
}
