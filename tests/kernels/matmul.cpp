// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/int8_case.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

// Sum over k with leading axes broadcast, straight from the definition.
std::vector<std::int64_t> multiply(const TestOperand& a, const TestOperand& b, const Shape& y, int m, int k, int n) {
  std::vector<std::int64_t> sums;
  const auto base = [&y](const Shape& s, std::int64_t batch, std::int64_t matrix) {
    std::int64_t offset = 0, stride = matrix;
    for (int i = 3; i <= y.rank(); ++i) {  // axes from the last leading one outwards
      const std::int64_t index = batch % y[y.rank() - i];
      batch /= y[y.rank() - i];
      const std::int64_t size = i <= s.rank() ? s[s.rank() - i] : 1;
      if (size != 1) offset += index * stride;
      stride *= size;
    }
    return offset;
  };
  for (std::int64_t batch = 0; batch < y.count(0, y.rank() - 2); ++batch) {
    const std::int64_t a0 = base(a.shape, batch, m * k), b0 = base(b.shape, batch, k * n);
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) {
        std::int64_t sum = 0;
        for (int p = 0; p < k; ++p) {
          sum += static_cast<std::int64_t>(a.codes[static_cast<std::size_t>(a0 + i * k + p)] - a.zero()) *
                 (b.codes[static_cast<std::size_t>(b0 + p * n + j)] - b.zero());
        }
        sums.push_back(sum);
      }
  }
  return sums;
}

Int8Case random_case(Random& random, Shape a, Shape b, Shape y, int zero_b) {
  Int8Case test;
  test.prepare = kernels::prepare_matmul;
  graph::MatMulAttrs attrs;
  attrs.clamp = random_clamp(random);
  test.attrs = attrs;
  test.x = activation(a, random.real(0.01F, 0.1F), random.integer(0, 255),
                      random.codes(static_cast<std::size_t>(a.count()), 0, 255));
  test.w = activation(b, random.real(0.01F, 0.1F), zero_b, random.codes(static_cast<std::size_t>(b.count()), 0, 255));
  test.y = activation(y, 1, 0);
  return test;
}

void check_random(Random& random, Shape a, Shape b, Shape y, int m, int k, int n) {
  Int8Case test = random_case(random, a, b, y, random.chance(0.3) ? 128 : random.integer(0, 255));
  const auto sums = multiply(test.x, test.w, y, m, k, n);
  // Not through choose_output's columns: one scale for all.
  choose_output(random, test, sums, {test.w.scale()});
  INFO(to_string(a) << " x " << to_string(b) << " = " << to_string(y));
  require_equal_everywhere(test, sums, {test.w.scale()});
}

}  // namespace

TEST_CASE("matmul: two activations equal the oracle") {
  Random random(501);
  for (int i = 0; i < 30; ++i) {
    const int m = random.integer(1, 40), k = random.integer(1, 90), n = random.integer(1, 80);
    check_random(random, {m, k}, {k, n}, {m, n}, m, k, n);
  }
}

TEST_CASE("matmul: leading axes are broadcast both ways") {
  Random random(502);
  for (int i = 0; i < 8; ++i) {
    const int m = random.integer(1, 9), k = random.integer(1, 20), n = random.integer(1, 30);
    check_random(random, {2, 3, m, k}, {2, 3, k, n}, {2, 3, m, n}, m, k, n);
    check_random(random, {2, 1, m, k}, {3, k, n}, {2, 3, m, n}, m, k, n);
    check_random(random, {m, k}, {4, k, n}, {4, m, n}, m, k, n);
    check_random(random, {2, 3, 2, m, k}, {3, 1, k, n}, {2, 3, 2, m, n}, m, k, n);
  }
}

TEST_CASE("matmul: large enough to be cut into slices") {
  Random random(503);
  check_random(random, {4, 60, 64}, {4, 64, 70}, {4, 60, 70}, 60, 64, 70);
}

TEST_CASE("matmul: vectors on either side") {
  Random random(504);
  const kernels::Backend backend = test_backends().front();
  Int8Case test = random_case(random, {7}, {7, 5}, {5}, 100);
  auto sums = multiply(test.x, test.w, {1, 5}, 1, 7, 5);
  test.y.quant = per_tensor(3, 120);
  CHECK(run_case(test, backend, RequantMode::fixed, 1)->values ==
        expected_values(test, sums, {test.w.scale()}, RequantMode::fixed));
  test = random_case(random, {2, 3, 7}, {7}, {2, 3}, 100);
  test.y.quant = per_tensor(3, 120);
  sums = multiply(test.x, test.w, {6, 1}, 6, 7, 1);
  CHECK(run_case(test, backend, RequantMode::fixed, 1)->values ==
        expected_values(test, sums, {test.w.scale()}, RequantMode::fixed));
}

TEST_CASE("matmul: constant operands of the other signedness") {
  Random random(505);
  for (const bool left : {true, false}) {
    Int8Case test = random_case(random, {6, 30}, {30, 20}, {6, 20}, 77);
    test.y.quant = per_tensor(2, 120);
    TestOperand& constant = left ? test.x : test.w;
    const auto sums = multiply(test.x, test.w, {6, 20}, 6, 30, 20);
    for (const RequantMode mode : {RequantMode::fixed, RequantMode::floating}) {
      const auto expected = expected_values(test, sums, {test.w.scale()}, mode);
      Int8Case as_s8 = test;
      TestOperand& relabelled = left ? as_s8.x : as_s8.w;
      relabelled = constant;
      relabelled.dtype = DType::s8;
      relabelled.constant = true;
      for (int& code : relabelled.codes) code -= 128;
      relabelled.quant.zero_point[0] -= 128;
      for (const kernels::Backend& backend : test_backends()) {
        INFO(backend.name << (left ? ", left" : ", right"));
        const Result<Outcome> outcome = run_case(as_s8, backend, mode, 2);
        REQUIRE(outcome.ok());
        CHECK(outcome->values == expected);
      }
    }
  }
}

TEST_CASE("matmul: the longest sum is exact, a longer one refused") {
  const auto product = [](int k) {
    Int8Case test;
    test.prepare = kernels::prepare_matmul;
    test.attrs = graph::MatMulAttrs{};
    test.x = activation({1, k}, 1, 0, std::vector<int>(static_cast<std::size_t>(k), 255));
    test.w = activation({k, 1}, 1, 0, std::vector<int>(static_cast<std::size_t>(k), 255));
    test.y = activation({1, 1}, 1e7F, 0);
    return test;
  };
  for (const kernels::Backend& backend : test_backends()) {
    const Result<Outcome> outcome = run_case(product(33025), backend, RequantMode::fixed, 1);
    REQUIRE(outcome.ok());
    CHECK(outcome->values[0] == oracle::requantize_fixed(255LL * 255 * 33025, 1e-7F, 0, 0, 255));
    CHECK(!run_case(product(33026), backend, RequantMode::fixed, 1).ok());
  }
}

TEST_CASE("matmul: contradicting shapes are refused") {
  Random random(506);
  const kernels::Backend backend = test_backends().front();
  const auto refused = [&](Shape a, Shape b, Shape y) {
    Int8Case test = random_case(random, a, b, y, 0);
    return !run_case(test, backend, RequantMode::fixed, 1).ok();
  };
  CHECK(!refused({2, 3}, {3, 4}, {2, 4}));
  CHECK(refused({2, 3}, {4, 4}, {2, 4}));
  CHECK(refused({2, 3}, {3, 4}, {2, 5}));
  CHECK(refused({2, 2, 3}, {3, 3, 4}, {2, 2, 4}));
}

}  // namespace octet::test
