// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/int8_case.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

// x (leading..., k) times w (n, k): a convolution of 1x1 pixels to the oracle.
void check_random(Random& random, std::vector<std::int64_t> leading, int k, int n, DType weights, bool offset) {
  Int8Case test;
  test.prepare = kernels::prepare_dense;
  graph::DenseAttrs attrs;
  attrs.clamp = random_clamp(random);
  test.attrs = attrs;
  oracle::Conv g;
  g.in_c = k;
  g.out_c = n;
  for (const std::int64_t dim : leading) g.in_w *= static_cast<int>(dim);
  g.set_output();
  Shape x_shape{std::span<const std::int64_t>(leading)}, y_shape = x_shape;
  x_shape.push_back(k);
  y_shape.push_back(n);
  test.x = activation(x_shape, random.real(0.01F, 0.1F), random.integer(0, 255),
                      random.codes(static_cast<std::size_t>(g.in_w * k), 0, 255));
  const int low = weights == DType::u8 ? 0 : -128;
  test.w = {.dtype = weights,
            .shape = {n, k},
            .quant = random.weight_quant(n, 0, offset),
            .codes = random.codes(static_cast<std::size_t>(n * k), low, low + 255),
            .reals = {},
            .constant = true,
            .max_code = 255};
  if (weights == DType::u8) {
    for (std::int32_t& zero : test.w.quant.zero_point) zero += 128;
  }
  std::vector<float> sw;
  std::vector<int> zw;
  for (int c = 0; c < n; ++c) {
    const std::size_t entry = test.w.quant.axis < 0 ? 0 : static_cast<std::size_t>(c);
    sw.push_back(test.w.quant.scale[entry]);
    zw.push_back(test.w.quant.zero_point[entry]);
  }
  const auto sums = oracle::conv2d(g, test.x.codes, test.x.zero(), test.w.codes, zw);
  test.y = activation(y_shape, 1, 0);
  choose_output(random, test, sums, sw);
  test.bias = random_bias(random, test.x, sw);
  INFO(g.in_w << " rows, k " << k << ", n " << n << ", weight offset " << offset);
  require_equal_everywhere(test, sums, sw);
}

}  // namespace

TEST_CASE("dense: random layers equal the oracle") {
  Random random(301);
  for (int i = 0; i < 30; ++i) {
    check_random(random, {random.integer(1, 20)}, random.integer(1, 150), random.integer(1, 130),
                 i % 3 == 0 ? DType::u8 : DType::s8, i % 4 == 0);
  }
}

TEST_CASE("dense: any number of leading axes, none of them included") {
  Random random(302);
  check_random(random, {}, 33, 17, DType::s8, false);
  check_random(random, {2, 3}, 20, 9, DType::s8, false);
  check_random(random, {1, 2, 1, 3}, 5, 70, DType::s8, true);
}

TEST_CASE("dense: one row and many columns, many rows and few columns, cut into slices") {
  Random random(303);
  check_random(random, {1}, 600, 500, DType::s8, false);
  check_random(random, {900}, 64, 10, DType::s8, false);
  check_random(random, {40}, 300, 300, DType::s8, false);
}

TEST_CASE("dense: sums near the accumulator bound are exact, beyond it refused") {
  const auto layer = [](int k) {
    Int8Case test;
    test.prepare = kernels::prepare_dense;
    test.attrs = graph::DenseAttrs{};
    test.x = activation({1, k}, 1, 0, std::vector<int>(static_cast<std::size_t>(k), 255));
    test.w.dtype = DType::s8;
    test.w.constant = true;
    test.w.shape = {1, k};
    test.w.codes = std::vector<int>(static_cast<std::size_t>(k), -128);
    test.w.quant = per_tensor(1, 0);
    test.y = activation({1, 1}, 1e7F, 255);
    return test;
  };
  const int largest = 65793;  // 65793 * 255 * 128 < 2^31
  for (const kernels::Backend& backend : test_backends()) {
    const Result<Outcome> outcome = run_case(layer(largest), backend, RequantMode::fixed, 1);
    REQUIRE(outcome.ok());
    CHECK(outcome->values[0] == oracle::requantize_fixed(-255LL * 128 * largest, 1e-7F, 255, 0, 255));
    CHECK(!run_case(layer(largest + 1), backend, RequantMode::fixed, 1).ok());
  }
}

// With a bias this large one ulp of its scale is 64 units of the accumulator, so both rules show.
TEST_CASE("dense: bias codes count as they are up to one ulp of scale, beyond that they are converted") {
  const float sx = 0.37F, sw = 0.0123F, unit = sx * sw;
  const float one_up = std::nextafter(unit, 1.0F), two_up = std::nextafter(one_up, 1.0F);
  const float one_down = std::nextafter(unit, 0.0F), two_down = std::nextafter(one_down, 0.0F);
  Int8Case test;
  test.prepare = kernels::prepare_dense;
  test.attrs = graph::DenseAttrs{};
  test.x = activation({1, 1}, sx, 0, {0});
  test.w.dtype = DType::s8;
  test.w.constant = true;
  test.w.shape = {5, 1};
  test.w.codes = std::vector<int>(5, 1);
  test.w.quant = per_tensor(sw, 0);
  TestOperand bias;
  bias.dtype = DType::s32;
  bias.shape = {5};
  bias.constant = true;
  bias.codes = std::vector<int>(5, 1000000007);
  bias.quant = {
      .scale = {unit, one_up, one_down, two_up, two_down}, .zero_point = std::vector<std::int32_t>(5), .axis = 0};
  test.bias = bias;
  test.y.dtype = DType::f32;
  test.y.shape = {1, 5};
  const auto own = static_cast<double>(1000000007.0F * unit);
  const Result<Outcome> outcome = run_case(test, test_backends().front(), RequantMode::fixed, 1);
  REQUIRE(outcome.ok());
  for (std::size_t c = 0; c < 3; ++c) CHECK(outcome->values[c] == own);
  for (std::size_t c = 3; c < 5; ++c) {
    const double moved = oracle::round_even(1000000007.0 * bias.quant.scale[c] / (static_cast<double>(sx) * sw));
    CHECK(outcome->values[c] == static_cast<double>(static_cast<float>(moved) * unit));
    CHECK(outcome->values[c] != own);
  }
}

TEST_CASE("dense: contradicting shapes are refused") {
  Random random(304);
  const kernels::Backend backend = test_backends().front();
  Int8Case test;
  test.prepare = kernels::prepare_dense;
  test.attrs = graph::DenseAttrs{};
  test.x = activation({2, 5}, 1, 0, std::vector<int>(10, 1));
  test.w.dtype = DType::s8;
  test.w.constant = true;
  test.w.shape = {3, 4};
  test.w.codes = std::vector<int>(12, 1);
  test.w.quant = per_tensor(1, 0);
  test.y = activation({2, 3}, 1, 0);
  CHECK(!run_case(test, backend, RequantMode::fixed, 1).ok());
  test.x.shape = {2, 4};
  CHECK(run_case(test, backend, RequantMode::fixed, 1).ok());
  test.y.shape = {3, 3};
  CHECK(!run_case(test, backend, RequantMode::fixed, 1).ok());
}

}  // namespace octet::test
