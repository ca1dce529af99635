// SPDX-License-Identifier: Apache-2.0
// Binary and Unary.
#include "kernels/float_ops.h"
#include "tests/kernels/fp32_reference.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

using graph::BinaryFn;
using graph::UnaryFn;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// The element of a broadcast operand for flat output index `index`.
std::size_t source_index(const Shape& shape, const Shape& out, std::int64_t index) {
  std::int64_t result = 0, stride = 1;
  for (int i = 1; i <= out.rank(); ++i) {
    const std::int64_t coordinate = index % out[out.rank() - i];
    index /= out[out.rank() - i];
    if (i > shape.rank()) continue;
    if (shape[shape.rank() - i] != 1) result += coordinate * stride;
    stride *= shape[shape.rank() - i];
  }
  return static_cast<std::size_t>(result);
}

Result<RunResult> run_binary(BinaryFn fn, const Tensor& a, const Tensor& b, const Shape& out, int threads = 1) {
  graph::BinaryAttrs attrs;
  attrs.fn = fn;
  return run_op(kernels::fp32::prepare_binary, attrs, std::vector{a, b}, {output(DType::f32, out)},
                {.threads = threads});
}

std::vector<float> run_unary(const graph::UnaryAttrs& attrs, const std::vector<float>& x, int threads = 1) {
  const Shape shape{static_cast<std::int64_t>(x.size())};
  auto result = run_op(kernels::fp32::prepare_unary, attrs, std::vector{tensor(shape, x)}, {output(DType::f32, shape)},
                       {.threads = threads});
  REQUIRE(result.status().message() == "");
  return result->outputs[0].as<float>();
}
graph::UnaryAttrs unary(UnaryFn fn, float alpha = 0, float beta = 0) { return {fn, alpha, beta, {}}; }

}  // namespace

TEST_CASE("fp32 Binary broadcasts as numpy does", "[fp32][binary]") {
  std::mt19937 random(20260);
  struct Shapes {
    Shape a, b, out;
  };
  const std::vector<Shapes> cases{
      {{}, {}, {}},
      {{5}, {}, {5}},
      {{}, {2, 3}, {2, 3}},
      {{2, 3}, {2, 3}, {2, 3}},
      {{2, 3, 4, 5}, {5}, {2, 3, 4, 5}},
      {{2, 3, 4, 5}, {3, 1, 1}, {2, 3, 4, 5}},
      {{2, 1, 4, 1}, {1, 3, 1, 5}, {2, 3, 4, 5}},
      {{4, 1}, {1, 4}, {4, 4}},
      {{1, 1, 1}, {2, 2}, {1, 2, 2}},
      {{2, 1, 3, 1, 2, 1}, {2, 2, 1, 2, 1, 2}, {2, 2, 3, 2, 2, 2}},
      {{3, 0, 2}, {1, 1, 2}, {3, 0, 2}},
      {{300, 500}, {300, 1}, {300, 500}},
  };
  for (const Shapes& c : cases) {
    CAPTURE(to_string(c.a), to_string(c.b));
    const auto a = random_floats(random, c.a.count()), b = random_floats(random, c.b.count());
    for (const bool swapped : {false, true}) {
      std::vector<float> expected;
      for (std::int64_t i = 0; i < c.out.count(); ++i) {
        const float x = a[source_index(c.a, c.out, i)], y = b[source_index(c.b, c.out, i)];
        expected.push_back(swapped ? y - x : x - y);
      }
      const Tensor first = tensor(c.a, a), second = tensor(c.b, b);
      for (int threads : {1, 5}) {
        const auto result =
            run_binary(BinaryFn::sub, swapped ? second : first, swapped ? first : second, c.out, threads);
        REQUIRE(result.status().message() == "");
        CHECK((threads == 1 || c.a != Shape{300, 500} || result->slices > 1));
        CHECK(bit_difference(result->outputs[0].as<float>(), expected) == "");
      }
    }
  }
  CHECK(run_binary(BinaryFn::sub, output(DType::f32, {2}), output(DType::f32, {3}), {3}).status().message() ==
        "node 'node': shapes [2] and [3] do not broadcast to [3]");
}

TEST_CASE("fp32 Binary functions", "[fp32][binary]") {
  const std::vector<float> a{1, -2, 0.5F, kNaN, 4, -0.0F}, b{2, 3, -1, 1, kNaN, 2};
  const Shape shape{6};
  const auto apply = [&](BinaryFn fn) {
    return run_binary(fn, tensor(shape, a), tensor(shape, b), shape)->outputs[0].as<float>();
  };
  CHECK(bit_difference(apply(BinaryFn::add), {3, 1, -0.5F, kNaN, kNaN, 2}) == "");
  CHECK(bit_difference(apply(BinaryFn::mul), {2, -6, -0.5F, kNaN, kNaN, -0.0F}) == "");
  CHECK(bit_difference(apply(BinaryFn::div), {0.5F, -2.0F / 3, -0.5F, kNaN, kNaN, -0.0F}) == "");
  CHECK(bit_difference(apply(BinaryFn::pow), {1, -8, 2, kNaN, kNaN, 0}) == "");
  CHECK(bit_difference(apply(BinaryFn::min), {1, -2, -1, kNaN, kNaN, -0.0F}) == "");
  CHECK(bit_difference(apply(BinaryFn::max), {2, 3, 0.5F, kNaN, kNaN, 2}) == "");
}

TEST_CASE("fp32 Binary clamps at the end and lets NaN through", "[fp32][binary]") {
  graph::BinaryAttrs attrs;
  attrs.clamp = {0, 6};
  const auto result = run_op(kernels::fp32::prepare_binary, attrs,
                             std::vector{tensor<float>({4}, {-3, 2, 5, kNaN}), tensor<float>({4}, {1, 2, 5, 1})},
                             {output(DType::f32, {4})});
  CHECK(bit_difference(result->outputs[0].as<float>(), {0, 4, 6, kNaN}) == "");
}

TEST_CASE("fp32 Unary functions follow their formulas", "[fp32][unary]") {
  std::vector<float> x{0, -0.0F, 1, -1, 3, -3, 6, -6, 0.3F, -0.3F, 20, -20, 100, -100, 0x1p-130F};
  std::mt19937 random(20261);
  for (float v : random_floats(random, 500, 3)) x.push_back(v);
  const auto check = [&](const graph::UnaryAttrs& attrs, const std::function<double(double)>& f, double tolerance) {
    CAPTURE(static_cast<int>(attrs.fn));
    std::vector<double> expected;
    for (float v : x) expected.push_back(f(static_cast<double>(v)));
    CHECK(distance_beyond(run_unary(attrs, x), expected, tolerance) == "");
  };
  const double a = static_cast<double>(0.1F), fifth = static_cast<double>(0.2F);
  check(
      unary(UnaryFn::relu), [](double v) { return std::max(v, 0.0); }, 0);
  check(
      unary(UnaryFn::leaky_relu, 0.1F), [=](double v) { return v < 0 ? a * v : v; }, 1e-7);
  check(
      unary(UnaryFn::elu, 0.1F), [=](double v) { return v < 0 ? a * std::expm1(v) : v; }, 1e-7);
  check(
      unary(UnaryFn::sigmoid), [](double v) { return 1 / (1 + std::exp(-v)); }, 1e-7);
  check(
      unary(UnaryFn::hard_sigmoid, 0.2F, 0.5F), [=](double v) { return std::clamp(fifth * v + 0.5, 0.0, 1.0); }, 1e-7);
  check(
      unary(UnaryFn::hard_swish), [](double v) { return v * std::clamp(v + 3, 0.0, 6.0) / 6; }, 2e-7);
  check(
      unary(UnaryFn::silu), [](double v) { return v / (1 + std::exp(-v)); }, 2e-7);
  check(
      unary(UnaryFn::tanh), [](double v) { return std::tanh(v); }, 1e-7);
  check(
      unary(UnaryFn::gelu_erf), [](double v) { return v * 0.5 * (1 + std::erf(v / std::sqrt(2.0))); }, 5e-7);
  check(
      unary(UnaryFn::gelu_tanh),
      [](double v) { return v * 0.5 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (v + 0.044715 * v * v * v))); },
      5e-7);
  check(
      unary(UnaryFn::erf), [](double v) { return std::erf(v); }, 1e-7);
  check(
      unary(UnaryFn::neg), [](double v) { return -v; }, 0);
  check(
      unary(UnaryFn::abs), [](double v) { return std::fabs(v); }, 0);
  check(
      unary(UnaryFn::floor), [](double v) { return std::floor(v); }, 0);
  check(
      unary(UnaryFn::ceil), [](double v) { return std::ceil(v); }, 0);
  check(
      unary(UnaryFn::softplus), [](double v) { return std::max(v, 0.0) + std::log1p(std::exp(-std::fabs(v))); }, 1e-7);
  for (float& v : x) v = std::fabs(v) + 1e-3F;
  check(
      unary(UnaryFn::log), [](double v) { return std::log(v); }, 1e-7);
  check(
      unary(UnaryFn::sqrt), [](double v) { return std::sqrt(v); }, 1e-7);
  check(
      unary(UnaryFn::reciprocal), [](double v) { return 1 / v; }, 1e-7);
  for (float& v : x) v = std::min(v, 5.0F);
  check(
      unary(UnaryFn::exp), [](double v) { return std::exp(v); }, 1e-7);
}

TEST_CASE("fp32 Unary lets NaN through and clips", "[fp32][unary]") {
  for (int fn = 0; fn <= static_cast<int>(UnaryFn::softplus); ++fn) {
    CAPTURE(fn);
    CHECK(std::isnan(run_unary(unary(static_cast<UnaryFn>(fn), 1), {kNaN})[0]));
  }
  graph::UnaryAttrs clip = unary(UnaryFn::clip);
  clip.clip = {-1, 2};
  CHECK(run_unary(clip, {-kInfinity, -1.5F, 0, 2.5F, kInfinity}) == std::vector<float>{-1, -1, 0, 2, 2});
}

TEST_CASE("fp32 Unary gives the same bits in any number of slices", "[fp32][unary]") {
  std::mt19937 random(20262);
  const auto x = random_floats(random, 100'003, 4);
  CHECK(bit_difference(run_unary(unary(UnaryFn::gelu_erf), x, 7), run_unary(unary(UnaryFn::gelu_erf), x)) == "");
}

}  // namespace octet::test
