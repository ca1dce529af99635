// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/weights.h"

#include <cmath>

#include "tests/quantize/graphs.h"

using namespace octet;
using namespace octet::graph;
using test::GraphBuilder;

namespace {

const QuantSpec kWeights = QConfig{}.weight;

// A Dense over `weights` (n, k) and `bias` (n), quantized behind an input of scale sx.
Result<QuantizedWeights> quantize_dense(std::int64_t n, const std::vector<float>& weights,
                                        const std::vector<float>& bias, float sx, std::int32_t zx = 128,
                                        const QuantSpec& spec = kWeights) {
  GraphBuilder builder;
  const std::int64_t k = static_cast<std::int64_t>(weights.size()) / n;
  const ValueId x = builder.input("x", {1, k});
  builder.node("dense", Op::Dense, {x, builder.constant("w", {n, k}, weights), builder.constant("b", {n}, bias)},
               DenseAttrs{});
  return quantize_weights(builder.graph, builder.graph.nodes[0], {{sx}, {zx}, -1}, DType::u8, spec);
}

}  // namespace

TEST_CASE("the largest weight of each channel is exactly 127 steps of either sign") {
  const auto result = quantize_dense(2, {0.5F, -2.000202178955078F, 1, 0.25F}, {0, 0}, 0.01F).value();
  CHECK(result.weight.quant.scale == std::vector<float>{2.000202178955078F / 127, 1.0F / 127});
  CHECK(result.weight.quant.axis == 0);
  const auto codes = result.weight.as<std::int8_t>();
  CHECK(std::vector<int>(codes.begin(), codes.end()) == std::vector<int>{32, -127, 127, 32});
}

TEST_CASE("a channel of zeros has scale 1, and a large bias makes the scale larger") {
  const float sx = 0x1p-20F;
  const auto result = quantize_dense(3, {0, 0, 0, 0, 1, 1}, {0, 5000, 5000}, sx).value();
  const float for_bias = 5000 / (sx * 0x1p30F);
  CHECK(for_bias > 1.0F / 127);
  CHECK(result.weight.quant.scale == std::vector<float>{1, for_bias, for_bias});
  for (std::int32_t code : result.bias->as<std::int32_t>()) CHECK(std::abs(code) <= (1 << 30) + 64);
}

TEST_CASE("bias codes are rounded in double and carry sx*sw as their scale") {
  const float sx = 0.0173F;
  const auto result = quantize_dense(2, {0.3F, -0.7F, 0.11F, 0.05F}, {0.4321F, -1.75F}, sx).value();
  REQUIRE(result.bias);
  CHECK(result.bias->dtype == DType::s32);
  CHECK(result.bias->quant.axis == 0);
  const float bias[] = {0.4321F, -1.75F};
  for (std::size_t c = 0; c < 2; ++c) {
    const float sw = result.weight.quant.scale[c];
    CHECK(result.bias->quant.scale[c] == sx * sw);
    CHECK(result.bias->quant.zero_point[c] == 0);
    CHECK(result.bias->as<std::int32_t>()[c] ==
          static_cast<std::int32_t>(std::nearbyint(double{bias[c]} / (double{sx} * double{sw}))));
  }
}

TEST_CASE("per tensor weights have one scale for all, and so has the bias") {
  QuantSpec per_tensor = kWeights;
  per_tensor.per_channel = false;
  const auto result = quantize_dense(2, {1, 2, 3, -4}, {1, 2}, 0.5F, 0, per_tensor).value();
  CHECK(result.weight.quant == Quant{{4.0F / 127}, {0}, -1});
  CHECK(result.bias->quant == Quant{{0.5F * (4.0F / 127)}, {0}, -1});
}

TEST_CASE("affine u8 weights come from choose_qparams") {
  const auto result = quantize_dense(1, {-1, 3}, {0}, 0.5F, 0, {DType::u8, Scheme::affine, 0, 255, false}).value();
  CHECK(result.weight.quant == Quant{{4.0F / 255}, {64}, -1});
  const auto codes = result.weight.as<std::uint8_t>();
  CHECK(std::vector<int>(codes.begin(), codes.end()) == std::vector<int>{0, 255});
}

TEST_CASE("a transposed convolution has its scales on axis 1; with groups it has one scale") {
  const auto quantize_up = [](std::int64_t groups) {
    GraphBuilder builder;
    const ValueId x = builder.input("x", {1, 4, 3, 3});
    ConvTranspose2dAttrs attrs;
    attrs.groups = groups;
    std::vector<float> weights(4 * 3, 0.5F);  // (in 4, out/groups 3, 1, 1)
    weights[1] = -2;                          // in 0, j = 1
    weights[11] = 4;                          // in 3, j = 2
    builder.node("up", Op::ConvTranspose2d,
                 {x, builder.constant("w", {4, 3, 1, 1}, weights), builder.random("b", {3 * groups})}, attrs);
    return quantize_weights(builder.graph, builder.graph.nodes[0], {{0.5F}, {3}, -1}, DType::u8, kWeights).value();
  };
  const auto plain = quantize_up(1);
  CHECK(plain.weight.quant == Quant{{0.5F / 127, 2.0F / 127, 4.0F / 127}, {0, 0, 0}, 1});
  CHECK(plain.bias->quant.axis == 0);
  for (std::size_t c = 0; c < 3; ++c) CHECK(plain.bias->quant.scale[c] == 0.5F * plain.weight.quant.scale[c]);
  const auto grouped = quantize_up(2);
  CHECK(grouped.weight.quant == Quant{{4.0F / 127}, {0}, -1});
  CHECK(grouped.bias->quant == Quant{{0.5F * (4.0F / 127)}, {0}, -1});
  CHECK(grouped.bias->shape == Shape{6});
}

TEST_CASE("the accumulator of a grouped transposed convolution sums over its own group only") {
  GraphBuilder builder;
  const std::int64_t in = 100000;  // one weight of 127 codes per output channel
  const ValueId x = builder.input("x", {1, in, 1, 1});
  ConvTranspose2dAttrs attrs;
  attrs.groups = in;
  const std::vector<float> ones(static_cast<std::size_t>(in), 1);
  builder.node("up", Op::ConvTranspose2d, {x, builder.constant("w", {in, 1, 1, 1}, ones)}, attrs);
  CHECK(quantize_weights(builder.graph, builder.graph.nodes[0], {{0.5F}, {3}, -1}, DType::u8, kWeights).ok());
}

TEST_CASE("accumulators that could overflow and weights that are no numbers are refused") {
  const std::int64_t k = 70000;  // 70000 * 127 * 255 > 2^31
  const auto wide = quantize_dense(1, std::vector<float>(static_cast<std::size_t>(k), 1), {0}, 1, 0);
  REQUIRE_FALSE(wide.ok());
  CHECK(wide.status().message().find("overflow") != std::string::npos);
  // Half the reach: the same sum fits if the zero point lies in the middle.
  CHECK(quantize_dense(1, std::vector<float>(static_cast<std::size_t>(k), 1), {0}, 1, 128).ok());
  CHECK(quantize_dense(1, {1, std::nanf("")}, {0}, 1).status().message().find("finite") != std::string::npos);
  CHECK_FALSE(quantize_dense(1, {1, 1}, {INFINITY}, 1).ok());
  CHECK_FALSE(quantize_dense(1, {1e38F, 1}, {0}, 1e10F).ok());  // sx*sw exceeds float
}

TEST_CASE("a dead channel never makes the bias' scale denormal") {
  const auto result = quantize_dense(2, {1e-38F, 1e-40F, 1, 1}, {1e-39F, 0.5F}, 1e-5F).value();
  CHECK(std::isnormal(result.bias->quant.scale[0]));
  CHECK(result.weight.quant.scale[1] == 1.0F / 127);
}
