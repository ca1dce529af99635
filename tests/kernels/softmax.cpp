// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/elementwise.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using oracle::Mode;
using test::CodeTensor;

// The row of docs/arithmetic.md with libm's exponential: T is an integer, so the few cases where libm
// and octet's own differ in the last bit do not show.
std::vector<int> fixed_codes(const CodeTensor& x, int axis, oracle::Codes out) {
  const auto n = static_cast<std::size_t>(x.shape[axis]);
  const auto inner = static_cast<std::size_t>(x.shape.count(axis + 1, x.shape.rank()));
  std::vector<int> codes(x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const std::size_t first = i / (n * inner) * n * inner + i % inner;
    int largest = 0;
    for (std::size_t k = 0; k < n; ++k) largest = std::max(largest, x.codes[first + k * inner]);
    const auto term = [&](std::size_t at) {
      return oracle::round_even(std::exp(-static_cast<double>(x.params.scale) * (largest - x.codes[at])) * 4194304);
    };
    double sum = 0;  // of integers: exact
    for (std::size_t k = 0; k < n; ++k) sum += term(first + k * inner);
    const double code = out.zero + std::floor(term(i) / (sum * static_cast<double>(out.scale)) + 0.5);
    codes[i] = static_cast<int>(std::min(std::max(code, 0.0), 255.0));
  }
  return codes;
}

// Only `fixed` has one right answer; the float modes are compared with real numbers below.
int run_fixed(const CodeTensor& x, std::int64_t axis, oracle::Codes out) {
  const int positive = static_cast<int>(axis < 0 ? axis + x.shape.rank() : axis);
  const std::vector<int> expected = fixed_codes(x, positive, out);
  int slices = 0;
  for (const DType type : {DType::u8, DType::s8}) {
    for (const int threads : {1, 4}) {
      const auto result = test::run_op(
          prepare_softmax, graph::SoftmaxAttrs{axis}, std::vector{test::code_tensor(x, type)},
          {test::code_tensor({x.shape, out}, type)}, {.backend = &test::scalar_backend(), .threads = threads});
      INFO(result.status().message());
      REQUIRE(result.ok());
      slices = std::max(slices, result->slices);
      const auto& bytes = result->outputs[0].bytes;
      for (std::size_t i = 0; i < bytes.size(); ++i) {
        REQUIRE((std::to_integer<int>(bytes[i]) ^ (type == DType::s8 ? 0x80 : 0)) == expected[i]);
      }
    }
  }
  return slices;
}

}  // namespace

TEST_CASE("int8 softmax, fixed", "[softmax]") {
  std::mt19937 random(61);
  for (const Shape& shape : {Shape{3, 10}, Shape{2, 5, 4}, Shape{1, 1}, Shape{2, 1000}, Shape{2, 3, 4, 5}}) {
    for (int axis = -1; axis < shape.rank(); ++axis) {
      run_fixed(test::random_codes(random, shape), axis, {1.0F / 256, 0});
      run_fixed(test::random_codes(random, shape), axis, test::random_params(random));
    }
  }
  // Equal codes share; a distance beyond the table's reach counts as nothing.
  run_fixed({{1, 4}, {100, 0}, {7, 7, 7, 7}}, 1, {1.0F / 256, 0});
  run_fixed({{1, 3}, {1e30F, 255}, {0, 255, 254}}, 1, {1.0F / 256, 0});
  run_fixed({{1, 3}, {1e-30F, 255}, {0, 255, 254}}, 1, {1e-30F, 0});
  CHECK(run_fixed(test::random_codes(random, {300, 100}), 1, {1.0F / 256, 0}) > 1);
}

TEST_CASE("int8 softmax, float modes, is within one code of the reals", "[softmax]") {
  std::mt19937 random(62);
  for (const RequantMode mode : {RequantMode::floating, RequantMode::floating_qnnpack}) {
    for (int i = 0; i < 20; ++i) {
      const std::size_t n = i % 2 == 0 ? 37 : 137;
      const CodeTensor x = test::random_codes(random, {4, static_cast<std::int64_t>(n)});
      const oracle::Codes out{1.0F / 256, 0};
      std::vector<std::byte> first;
      for (const int threads : {1, 4}) {
        const auto result =
            test::run_op(prepare_softmax, graph::SoftmaxAttrs{1}, std::vector{test::code_tensor(x, DType::u8)},
                         {test::code_tensor({x.shape, out}, DType::u8)},
                         {.backend = &test::scalar_backend(), .requant = mode, .threads = threads});
        REQUIRE(result.ok());
        if (first.empty()) first = result->outputs[0].bytes;
        CHECK(result->outputs[0].bytes == first);
      }
      for (std::size_t row = 0; row < 4; ++row) {
        long double sum = 0;
        const auto e = [&](std::size_t k) {
          return std::exp(static_cast<long double>(x.params.scale) * (x.codes[row * n + k] - 255));
        };
        for (std::size_t k = 0; k < n; ++k) sum += e(k);
        for (std::size_t k = 0; k < n; ++k) {
          const long double code = std::min(e(k) / sum / static_cast<long double>(out.scale), 255.0L);
          CHECK(std::fabs(code - std::to_integer<int>(first[row * n + k])) <= 0.501L);
        }
      }
    }
  }
}

TEST_CASE("what int8 softmax refuses", "[softmax]") {
  const test::Tensor x = test::code_tensor({{2, 3}, {1, 0}, std::vector<int>(6)}, DType::u8);
  const auto y = [](const Shape& shape) { return test::output(DType::u8, shape, test::per_tensor(1, 0)); };
  test::check_refused(prepare_softmax, graph::SoftmaxAttrs{2}, {x}, {y({2, 3})}, "axis 2");
  test::check_refused(prepare_softmax, graph::SoftmaxAttrs{1}, {x}, {y({3, 2})}, "shape");
  test::check_refused(prepare_softmax, graph::SoftmaxAttrs{1}, {test::tensor<float>({2}, {1, 2})}, {y({2})}, "f32");
}

}  // namespace octet::kernels
