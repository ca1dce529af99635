// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/elementwise.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using oracle::Mode;
using test::CodeTensor;

int run_case(const CodeTensor& x, const std::vector<std::int64_t>& axes, bool keep_dims, oracle::Codes out) {
  const int rank = x.shape.rank();
  std::vector<bool> reduced(static_cast<std::size_t>(rank), axes.empty());
  for (const std::int64_t axis : axes) reduced[static_cast<std::size_t>(axis < 0 ? axis + rank : axis)] = true;
  CodeTensor y{{}, out};
  Shape kept;  // as if keep_dims
  std::int64_t n = 1;
  for (int i = 0; i < rank; ++i) {
    const bool gone = reduced[static_cast<std::size_t>(i)];
    kept.push_back(gone ? 1 : x.shape[i]);
    if (gone) n *= x.shape[i];
    if (!gone || keep_dims) y.shape.push_back(gone ? 1 : x.shape[i]);
  }
  std::vector<std::int64_t> sums(static_cast<std::size_t>(kept.count()));
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::size_t rest = i, at = 0, stride = 1;
    for (int d = rank - 1; d >= 0; --d) {
      if (!reduced[static_cast<std::size_t>(d)]) {
        at += rest % static_cast<std::size_t>(x.shape[d]) * stride;
        stride *= static_cast<std::size_t>(x.shape[d]);
      }
      rest /= static_cast<std::size_t>(x.shape[d]);
    }
    sums[at] += x.codes[i] - x.params.zero;
  }
  graph::ReduceMeanAttrs attrs{axes, keep_dims};
  return test::check_everywhere(prepare_reduce_mean, attrs, {x}, y, [&](Mode mode) {
    std::vector<int> codes;
    const double real = static_cast<double>(x.params.scale) / (static_cast<double>(out.scale) * static_cast<double>(n));
    for (const std::int64_t sum : sums) {
      codes.push_back(mode == Mode::fixed
                          ? oracle::requantize_fixed(sum, real, out.zero, 0, 255)
                          : oracle::requantize_floating(sum, x.params.scale / (out.scale * static_cast<float>(n)),
                                                        out.zero, 0, 255));
    }
    return codes;
  });
}

}  // namespace

TEST_CASE("int8 mean over any axes", "[reduce_mean]") {
  const std::vector<std::int64_t> axes[] = {{},     {0},    {1},       {2},       {3},      {1, 2},
                                            {2, 3}, {0, 3}, {0, 1, 2}, {1, 2, 3}, {-1, -2}, {0, 2}};
  std::mt19937 random(51);
  for (const Shape& shape : {Shape{2, 3, 5, 70}, Shape{3, 1, 4, 2}, Shape{1, 1, 1, 1}}) {
    for (const auto& list : axes) {
      for (const bool keep_dims : {true, false}) {
        run_case(test::random_codes(random, shape), list, keep_dims, test::random_params(random));
      }
    }
  }
  run_case(test::random_codes(random, {2, 3, 2, 3, 2, 3}), {0, 2, 4}, false, test::random_params(random));
  run_case(test::random_codes(random, {2, 3, 2, 3, 2, 3}), {1, 3, 5}, true, test::random_params(random));
  run_case(test::random_codes(random, {}), {}, true, test::random_params(random));
}

TEST_CASE("int8 mean cut into slices", "[reduce_mean]") {
  std::mt19937 random(52);
  CHECK(run_case(test::random_codes(random, {6, 20, 20, 130}), {1, 2}, true, test::random_params(random)) > 1);
  CHECK(run_case(test::random_codes(random, {6, 130, 20, 20}), {2, 3}, true, test::random_params(random)) > 1);
}

TEST_CASE("what int8 mean refuses", "[reduce_mean]") {
  const test::Tensor x = test::code_tensor({{2, 3}, {1, 0}, std::vector<int>(6)}, DType::u8);
  const auto y = [](const Shape& shape) { return test::output(DType::u8, shape, test::per_tensor(1, 0)); };
  test::check_refused(prepare_reduce_mean, graph::ReduceMeanAttrs{{2}, true}, {x}, {y({2, 1})}, "axis 2");
  test::check_refused(prepare_reduce_mean, graph::ReduceMeanAttrs{{1}, true}, {x}, {y({2, 3})}, "kept");
  const test::Tensor empty = test::code_tensor({{2, 0}, {1, 0}, {}}, DType::u8);
  test::check_refused(prepare_reduce_mean, graph::ReduceMeanAttrs{{1}, true}, {empty}, {y({2, 1})}, "0 elements");
  const test::Tensor huge = test::output(DType::u8, {std::int64_t{1} << 40, 2}, test::per_tensor(1, 0));
  test::check_refused(prepare_reduce_mean, graph::ReduceMeanAttrs{{0}, true}, {huge}, {y({1, 2})}, "2^40");
  const test::Tensor large = test::output(DType::u8, {std::int64_t{1} << 30, 2}, test::per_tensor(1, 0));
  test::check_refused(prepare_reduce_mean, graph::ReduceMeanAttrs{{0}, true}, {large}, {y({1, 2})}, "must be 1 to");
}

}  // namespace octet::kernels
