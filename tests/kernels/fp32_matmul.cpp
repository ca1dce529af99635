// SPDX-License-Identifier: Apache-2.0
// Dense and MatMul.
#include "kernels/float_ops.h"
#include "tests/kernels/fp32_reference.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

using kernels::fp32::prepare_dense;
using kernels::fp32::prepare_matmul;

struct MatMulCase {
  Shape a, b, out;
};

// numpy's matmul, one output at a time: batch offsets by broadcasting each leading axis.
std::vector<float> matmul_by_rule(const MatMulCase& c, const std::vector<float>& a, const std::vector<float>& b) {
  const auto dims_of = [](const Shape& shape, bool left) {
    std::vector<std::int64_t> dims(shape.begin(), shape.end());
    if (dims.size() == 1) dims.insert(left ? dims.begin() : dims.end(), 1);
    while (dims.size() < 6) dims.insert(dims.begin(), 1);
    return dims;
  };
  const auto da = dims_of(c.a, true), db = dims_of(c.b, false);
  const std::int64_t m = da[4], k = da[5], n = db[5];
  std::vector<float> out;
  std::array<std::int64_t, 4> size{}, at{};
  std::int64_t products = 1;
  for (std::size_t i = 0; i < 4; ++i) products *= size[i] = std::max(da[i], db[i]);
  for (std::int64_t product = 0; product < products; ++product) {
    std::int64_t rest = product, a_base = 0, b_base = 0;
    for (std::size_t i = 4; i-- > 0; rest /= size[i]) at[i] = rest % size[i];
    for (std::size_t i = 0; i < 4; ++i) {
      a_base = a_base * da[i] + (da[i] == 1 ? 0 : at[i]);
      b_base = b_base * db[i] + (db[i] == 1 ? 0 : at[i]);
    }
    for (std::int64_t i = 0; i < m; ++i) {
      for (std::int64_t j = 0; j < n; ++j) {
        std::vector<float> terms;
        for (std::int64_t p = 0; p < k; ++p) {
          terms.push_back(a[static_cast<std::size_t>((a_base * m + i) * k + p)] *
                          b[static_cast<std::size_t>((b_base * k + p) * n + j)]);
        }
        out.push_back(ordered_total(terms));
      }
    }
  }
  return out;
}

}  // namespace

TEST_CASE("fp32 MatMul broadcasts and sums in the documented order", "[fp32][matmul]") {
  std::mt19937 random(20250);
  const std::vector<MatMulCase> cases{
      {{3, 5}, {5, 7}, {3, 7}},
      {{1, 1}, {1, 1}, {1, 1}},
      {{130, 33}, {33, 35}, {130, 35}},
      {{4}, {4}, {}},
      {{4}, {4, 3}, {3}},
      {{3, 4}, {4}, {3}},
      {{2, 3, 17}, {17, 2}, {2, 3, 2}},
      {{17}, {2, 17, 3}, {2, 3}},
      {{2, 1, 3, 40}, {5, 40, 18}, {2, 5, 3, 18}},
      {{1, 4, 2, 3, 5}, {3, 1, 2, 5, 2}, {3, 4, 2, 3, 2}},
      {{2, 2, 1, 2, 3, 4}, {2, 1, 3, 1, 4, 5}, {2, 2, 3, 2, 3, 5}},
      {{2, 0, 4}, {4, 3}, {2, 0, 3}},
      {{2, 0}, {0, 3}, {2, 3}},
  };
  for (const MatMulCase& c : cases) {
    CAPTURE(to_string(c.a), to_string(c.b));
    const auto a = random_floats(random, c.a.count()), b = random_floats(random, c.b.count());
    const auto expected = matmul_by_rule(c, a, b);
    for (int threads : {1, 6}) {
      const auto result = run_op(prepare_matmul, graph::MatMulAttrs{}, std::vector{tensor(c.a, a), tensor(c.b, b)},
                                 {output(DType::f32, c.out)}, {.threads = threads});
      REQUIRE(result.status().message() == "");
      CHECK((threads == 1 || c.a[0] != 130 || result->slices > 1));
      CHECK(bit_difference(result->outputs[0].as<float>(), expected) == "");
    }
  }
}

TEST_CASE("fp32 MatMul refuses operands that do not fit", "[fp32][matmul]") {
  const auto message = [](const Shape& a, const Shape& b, const Shape& out) {
    return run_op(prepare_matmul, graph::MatMulAttrs{}, std::vector{output(DType::f32, a), output(DType::f32, b)},
                  {output(DType::f32, out)}, {.name = "mm"})
        .status()
        .message();
  };
  CHECK(message({2, 3}, {4, 2}, {2, 2}).starts_with("node 'mm': operands [2,3] and [4,2], output [2,2]: must be"));
  CHECK(message({2, 2, 3}, {3, 3, 2}, {2, 2, 2}).starts_with("node 'mm': operands"));
  CHECK(message({2, 3}, {3, 2}, {2, 3}).starts_with("node 'mm': operands"));
  CHECK(message({}, {3, 2}, {2}) == "node 'mm': a scalar operand: both must have at least one axis");
}

TEST_CASE("fp32 Dense sums in the documented order, then adds the bias and clamps", "[fp32][dense]") {
  std::mt19937 random(20251);
  struct DenseCase {
    Shape x;
    std::int64_t n;
  };
  for (const DenseCase& c : {DenseCase{{1, 1}, 1}, DenseCase{{1, 64}, 10}, DenseCase{{7}, 3}, DenseCase{{2, 3, 31}, 33},
                             DenseCase{{19, 48}, 65}, DenseCase{{64, 128}, 100}}) {
    CAPTURE(to_string(c.x), c.n);
    const std::int64_t k = c.x[c.x.rank() - 1], m = c.x.count() / k;
    const auto x = random_floats(random, m * k), weights = random_floats(random, c.n * k),
               bias = random_floats(random, c.n);
    Shape out = c.x;
    out[out.rank() - 1] = c.n;
    for (const bool has_bias : {false, true}) {
      std::vector<float> expected;
      for (std::int64_t i = 0; i < m; ++i) {
        for (std::int64_t j = 0; j < c.n; ++j) {
          std::vector<float> terms;
          for (std::int64_t p = 0; p < k; ++p) {
            terms.push_back(x[static_cast<std::size_t>(i * k + p)] * weights[static_cast<std::size_t>(j * k + p)]);
          }
          const float y = ordered_total(terms);
          expected.push_back(std::clamp(has_bias ? y + bias[static_cast<std::size_t>(j)] : y, -2.0F, 3.0F));
        }
      }
      for (int threads : {1, 5}) {
        const auto result = run_op(
            prepare_dense, graph::DenseAttrs{{-2.0F, 3.0F}},
            std::vector{tensor(c.x, x), constant({c.n, k}, weights), has_bias ? constant({c.n}, bias) : absent()},
            {output(DType::f32, out)}, {.threads = threads});
        REQUIRE(result.status().message() == "");
        CHECK((threads == 1 || m != 64 || result->slices > 1));
        CHECK(bit_difference(result->outputs[0].as<float>(), expected) == "");
      }
    }
  }
}

}  // namespace octet::test
