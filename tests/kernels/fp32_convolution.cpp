// SPDX-License-Identifier: Apache-2.0
#include "kernels/float_ops.h"
#include "tests/kernels/fp32_reference.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

using kernels::fp32::prepare_conv2d;
using kernels::fp32::prepare_conv_transpose2d;

Result<RunResult> run_case(const ConvolutionCase& c, const graph::Clamp& clamp, int threads) {
  return run_op(c.transposed ? prepare_conv_transpose2d : prepare_conv2d, c.attrs(clamp), c.inputs(),
                {output(DType::f32, c.out_shape())}, {.threads = threads});
}

float clamped(float v, const graph::Clamp& clamp) {
  if (v < clamp.lo) v = clamp.lo;
  return v > clamp.hi ? clamp.hi : v;
}

void check_against_rule(const ConvolutionCase& c, const graph::Clamp& clamp) {
  INFO(c.describe());
  std::vector<float> exact;
  std::vector<double> near;
  for (std::int64_t n = 0; n < c.batch; ++n) {
    for (std::int64_t y = 0; y < c.out_h; ++y) {
      for (std::int64_t x = 0; x < c.out_w; ++x) {
        for (std::int64_t o = 0; o < c.out_c; ++o) {
          std::vector<float> products;
          const float bias = c.has_bias ? c.bias[static_cast<std::size_t>(o)] : 0.0F;
          double sum = static_cast<double>(bias);
          for (const auto& [a, b] : c.factors(n, y, x, o)) {
            products.push_back(a * b);
            sum += static_cast<double>(a) * static_cast<double>(b);
          }
          const float total = ordered_total(products);
          exact.push_back(clamped(c.has_bias ? total + bias : total, clamp));
          near.push_back(static_cast<double>(clamped(static_cast<float>(sum), clamp)));
        }
      }
    }
  }
  const auto one = run_case(c, clamp, 1), many = run_case(c, clamp, 7);
  REQUIRE(one.status().message() == "");
  REQUIRE(many.status().message() == "");
  CHECK(bit_difference(one->outputs[0].as<float>(), exact) == "");
  CHECK(bit_difference(many->outputs[0].as<float>(), exact) == "");
  CHECK(distance_beyond(one->outputs[0].as<float>(), near, 1e-5) == "");
}

}  // namespace

TEST_CASE("fp32 convolutions sum in the documented order", "[fp32][conv2d]") {
  std::mt19937 random(20230);
  for (int i = 0; i < 120; ++i) check_against_rule(random_convolution(random, false), {});
}

TEST_CASE("fp32 transposed convolutions sum in the documented order", "[fp32][conv_transpose2d]") {
  std::mt19937 random(20231);
  for (int i = 0; i < 120; ++i) check_against_rule(random_convolution(random, true), {});
}

TEST_CASE("fp32 convolutions clamp at the end", "[fp32][conv2d]") {
  std::mt19937 random(20232);
  for (int i = 0; i < 10; ++i) check_against_rule(random_convolution(random, i % 2 == 0), {-0.5F, 1.0F});
}

TEST_CASE("fp32 convolutions large enough for several slices", "[fp32][conv2d]") {
  std::mt19937 random(20233);
  for (const bool depthwise : {false, true}) {
    ConvolutionCase c;
    c.transposed = false;
    c.has_bias = true;
    c.window.kernel = {3, 3};
    c.window.pad_begin = c.window.pad_end = {1, 1};
    c.batch = 1;
    c.in_h = c.out_h = 20;
    c.in_w = c.out_w = 21;
    c.in_c = c.out_c = depthwise ? 64 : 16;
    c.groups = depthwise ? 64 : 1;
    c.x = random_floats(random, c.in_shape().count());
    c.weights = random_floats(random, c.weight_shape().count());
    c.bias = random_floats(random, c.out_c);
    const auto one = run_case(c, {}, 1), many = run_case(c, {}, 5);
    REQUIRE(many.ok());
    CHECK(one->slices == 1);
    CHECK(many->slices >= 5);
    CHECK(one->outputs[0].bytes == many->outputs[0].bytes);
    CHECK(many->kernel == (depthwise ? "fp32 depthwise convolution" : "fp32 patch convolution"));
  }
}

TEST_CASE("a padding tap multiplies nothing, not even an infinite weight", "[fp32][conv2d]") {
  graph::Conv2dAttrs attrs;
  attrs.channels_last = true;
  attrs.window.kernel = {1, 3};
  attrs.window.pad_begin = attrs.window.pad_end = {0, 1};
  const float inf = std::numeric_limits<float>::infinity();
  const auto result =
      run_op(prepare_conv2d, attrs,
             std::vector<Tensor>{tensor<float>({1, 1, 2, 1}, {2, 3}), constant<float>({1, 1, 1, 3}, {inf, 1, 1})},
             {output(DType::f32, {1, 1, 2, 1})});
  REQUIRE(result.ok());
  CHECK(result->outputs[0].as<float>() == std::vector<float>{5, inf});
}

TEST_CASE("fp32 convolutions refuse what they cannot compute", "[fp32][conv2d]") {
  graph::Conv2dAttrs attrs;
  attrs.channels_last = true;
  const auto message = [&](const Shape& in, const Tensor& weights) {
    std::vector<float> x(static_cast<std::size_t>(in.count()));
    return run_op(prepare_conv2d, attrs, std::vector<Tensor>{tensor(in, x), weights},
                  {output(DType::f32, {1, 1, 1, 2})}, {.name = "conv1"})
        .status()
        .message();
  };
  const Tensor weights = constant<float>({2, 3, 1, 1}, std::vector<float>(6));
  CHECK(message({1, 1, 1, 3}, weights) == "");
  CHECK(message({1, 1, 1, 4}, weights) == "node 'conv1': weights [2,3,1,1]: must be [2,4,1,1]");
  CHECK(message({2, 1, 1, 3}, weights) ==
        "node 'conv1': input [2,1,1,3] and output [1,1,1,2]: the batch must be the same");
  CHECK(message({1, 1, 1, 3}, tensor<float>({2, 3, 1, 1}, std::vector<float>(6))) ==
        "node 'conv1': weights are computed at run time: they must be constant");
  attrs.window.stride = {1, 0};
  CHECK(message({1, 1, 1, 3}, weights) == "node 'conv1': stride 0 at axis 1: must be in [1, 2147483647]");
  attrs.window.stride = {1, std::int64_t{1} << 40};
  CHECK(message({1, 1, 1, 3}, weights) == "node 'conv1': stride 1099511627776 at axis 1: must be in [1, 2147483647]");
  attrs.window.stride = {1, 1};
  attrs.groups = 0;
  CHECK(message({1, 1, 1, 3}, weights) == "node 'conv1': 0 groups: must divide 3 input and 2 output channels");
  attrs.groups = 1;
  attrs.channels_last = false;
  CHECK(message({1, 1, 1, 3}, weights) == "node 'conv1': layout NCHW: float images must be channels-last here");
}

}  // namespace octet::test
