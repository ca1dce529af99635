// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/elementwise.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using oracle::Mode;
using test::CodeTensor;

int run_case(const std::vector<CodeTensor>& inputs, std::int64_t axis, oracle::Codes params) {
  const int a = static_cast<int>(axis < 0 ? axis + inputs[0].shape.rank() : axis);
  CodeTensor y{inputs[0].shape, params};
  y.shape[a] = 0;
  for (const CodeTensor& x : inputs) y.shape[a] += x.shape[a];
  return test::check_everywhere(prepare_concat, graph::ConcatAttrs{axis}, inputs, y, [&](Mode mode) {
    std::vector<int> codes;
    for (std::int64_t outer = 0; outer < y.shape.count(0, a); ++outer) {
      for (const CodeTensor& x : inputs) {
        const auto run = static_cast<std::size_t>(x.shape.count(a, x.shape.rank()));
        for (std::size_t i = 0; i < run; ++i) {
          codes.push_back(oracle::requantize(x.codes[static_cast<std::size_t>(outer) * run + i] - x.params.zero,
                                             x.params.scale, 1, params.scale, params.zero, 0, 255, mode));
        }
      }
    }
    return codes;
  });
}

}  // namespace

TEST_CASE("int8 concat: equal parameters copy, others requantize", "[concat]") {
  std::mt19937 random(81);
  for (int axis = -1; axis < 4; ++axis) {
    for (int i = 0; i < 4; ++i) {
      std::vector<CodeTensor> inputs;
      const oracle::Codes params = test::random_params(random);
      for (const std::int64_t size : {3, 1, 0, 5}) {
        Shape shape{2, 4, 3, 7};
        shape[axis < 0 ? 3 : axis] = size;
        inputs.push_back(test::random_codes(random, shape));
        if (random() % 2 == 0) inputs.back().params = params;
      }
      run_case(inputs, axis, params);
    }
  }
  run_case({test::random_codes(random, {5})}, 0, test::random_params(random));
  // Channels, and enough of them for several slices.
  CHECK(run_case({test::random_codes(random, {1, 40, 40, 48}), test::random_codes(random, {1, 40, 40, 33})}, 3,
                 test::random_params(random)) > 1);
}

TEST_CASE("concat of floats and integers", "[concat]") {
  const auto result =
      test::run_op(prepare_concat, graph::ConcatAttrs{1},
                   std::vector{test::tensor<float>({2, 1}, {1, 2}), test::tensor<float>({2, 2}, {3, 4, 5, 6})},
                   {test::output(DType::f32, {2, 3})}, {.backend = &test::scalar_backend()});
  REQUIRE(result.ok());
  CHECK(result->outputs[0].as<float>() == std::vector<float>{1, 3, 4, 2, 5, 6});
  const auto integers = test::run_op(
      prepare_concat, graph::ConcatAttrs{0},
      std::vector{test::tensor<std::int64_t>({1}, {1}), test::tensor<std::int64_t>({2}, {-3, std::int64_t{1} << 40})},
      {test::output(DType::s64, {3})}, {.backend = &test::scalar_backend()});
  REQUIRE(integers.ok());
  CHECK(integers->outputs[0].as<std::int64_t>() == std::vector<std::int64_t>{1, -3, std::int64_t{1} << 40});
}

TEST_CASE("what concat refuses", "[concat]") {
  const test::Tensor x = test::tensor<float>({2, 2}, {1, 2, 3, 4});
  const auto out = [](const Shape& shape) { return test::output(DType::f32, shape); };
  test::check_refused(prepare_concat, graph::ConcatAttrs{2}, {x, x}, {out({2, 4})}, "axis 2");
  test::check_refused(prepare_concat, graph::ConcatAttrs{1}, {x, x}, {out({2, 3})}, "input 1");
  test::check_refused(prepare_concat, graph::ConcatAttrs{1}, {x, x}, {out({2, 5})}, "fill 4 of 5");
  test::check_refused(prepare_concat, graph::ConcatAttrs{0}, {x, x}, {out({4, 3})}, "input 0");
  test::check_refused(prepare_concat, graph::ConcatAttrs{0}, {x, test::tensor<std::int32_t>({2, 2}, {1, 2, 3, 4})},
                      {out({4, 2})}, "both must be codes");
}

}  // namespace octet::kernels
