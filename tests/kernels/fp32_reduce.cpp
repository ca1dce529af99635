// SPDX-License-Identifier: Apache-2.0
// Softmax, ReduceMean and Pool: sums and maxima over rows and windows.
#include "kernels/float_ops.h"
#include "kernels/fp32/exp.h"
#include "tests/kernels/fp32_reference.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::vector<float> softmax_by_rule(const Shape& shape, int axis, const std::vector<float>& x) {
  std::vector<float> p(x.size());
  const std::int64_t n = shape[axis], step = shape.count(axis + 1, shape.rank());
  for (std::int64_t row = 0; row < shape.count(0, axis); ++row) {
    for (std::int64_t column = 0; column < step; ++column) {
      const auto at = [&](std::int64_t i) { return static_cast<std::size_t>((row * n + i) * step + column); };
      float top = -kInfinity;
      for (std::int64_t i = 0; i < n; ++i) top = std::max(top, x[at(i)]);
      std::vector<float> e;
      for (std::int64_t i = 0; i < n; ++i) e.push_back(kernels::fp32::oexp(x[at(i)] - top));
      const float sum = ordered_total(e);
      for (std::int64_t i = 0; i < n; ++i) p[at(i)] = e[static_cast<std::size_t>(i)] / sum;
    }
  }
  return p;
}

Result<RunResult> run_softmax(const Shape& shape, std::int64_t axis, const std::vector<float>& x, int threads = 1) {
  graph::SoftmaxAttrs attrs;
  attrs.axis = axis;
  return run_op(kernels::fp32::prepare_softmax, attrs, std::vector{tensor(shape, x)}, {output(DType::f32, shape)},
                {.threads = threads});
}

}  // namespace

TEST_CASE("fp32 Softmax follows the documented rule on every axis", "[fp32][softmax]") {
  std::mt19937 random(20270);
  for (const Shape& shape : {Shape{1}, Shape{10}, Shape{3, 1000}, Shape{2, 17, 5}, Shape{40, 3, 33, 4}, Shape{0, 4}}) {
    const auto x = random_floats(random, shape.count(), 5);
    for (int axis = 0; axis < shape.rank(); ++axis) {
      CAPTURE(to_string(shape), axis);
      const auto expected = softmax_by_rule(shape, axis, x);
      const auto one = run_softmax(shape, axis, x), many = run_softmax(shape, axis - shape.rank(), x, 6);
      REQUIRE(one.status().message() == "");
      REQUIRE(many.status().message() == "");
      CHECK(bit_difference(one->outputs[0].as<float>(), expected) == "");
      CHECK(bit_difference(many->outputs[0].as<float>(), expected) == "");
    }
  }
  CHECK(run_softmax({2, 3}, 2, std::vector<float>(6)).status().message() == "node 'node': axis 2: must be in [-2, 2)");
}

TEST_CASE("fp32 Softmax survives extreme rows", "[fp32][softmax]") {
  const auto row = [](const std::vector<float>& x) {
    return run_softmax({static_cast<std::int64_t>(x.size())}, 0, x)->outputs[0].as<float>();
  };
  CHECK(bit_difference(row({1e30F, 1e30F, -1e30F}), {0.5F, 0.5F, 0}) == "");
  CHECK(bit_difference(row({-kInfinity, 0}), {0, 1}) == "");
  CHECK(bit_difference(row({1, kNaN, 2}), {kNaN, kNaN, kNaN}) == "");
  std::vector<float> long_row(40, 1.0F);
  long_row[33] = kNaN;
  for (float p : row(long_row)) CHECK(std::isnan(p));
}

TEST_CASE("fp32 ReduceMean sums in the documented order over any axes", "[fp32][reduce_mean]") {
  std::mt19937 random(20271);
  for (const Shape& shape : {Shape{7}, Shape{3, 50}, Shape{2, 5, 7, 19}, Shape{2, 3, 1, 4, 2, 33}, Shape{1, 1}}) {
    const auto x = random_floats(random, shape.count());
    for (std::uint32_t mask = 0; mask < (1U << shape.rank()); ++mask) {
      CAPTURE(to_string(shape), mask);
      graph::ReduceMeanAttrs attrs;
      Shape out;
      for (int axis = 0; axis < shape.rank(); ++axis) {
        const bool reduced = mask == 0 || (mask >> axis & 1) != 0;  // none given: all
        if (mask != 0 && reduced) attrs.axes.push_back(axis);
        out.push_back(reduced ? 1 : shape[axis]);
      }
      std::vector<std::vector<float>> elements(static_cast<std::size_t>(out.count()));
      for (std::int64_t i = 0; i < shape.count(); ++i) {
        std::int64_t rest = i, target = 0, stride = 1;
        for (int axis = shape.rank(); axis-- > 0;) {
          if (out[axis] == shape[axis]) target += rest % shape[axis] * stride;
          stride *= out[axis];
          rest /= shape[axis];
        }
        elements[static_cast<std::size_t>(target)].push_back(x[static_cast<std::size_t>(i)]);
      }
      std::vector<float> expected;
      for (const auto& sequence : elements) {
        expected.push_back(ordered_total(sequence) / static_cast<float>(sequence.size()));
      }
      for (int threads : {1, 3}) {
        const auto result = run_op(kernels::fp32::prepare_reduce_mean, attrs, std::vector{tensor(shape, x)},
                                   {output(DType::f32, out)}, {.threads = threads});
        REQUIRE(result.status().message() == "");
        CHECK(bit_difference(result->outputs[0].as<float>(), expected) == "");
      }
    }
  }
}

TEST_CASE("fp32 ReduceMean in several slices", "[fp32][reduce_mean]") {
  std::mt19937 random(20272);
  const Shape shape{9, 40, 11, 70};
  const auto x = random_floats(random, shape.count());
  for (const std::vector<std::int64_t>& axes : {std::vector<std::int64_t>{1, 2}, {3}, {0, 3}}) {
    graph::ReduceMeanAttrs attrs;
    attrs.axes = axes;
    Shape out = shape;
    for (std::int64_t axis : axes) out[static_cast<int>(axis)] = 1;
    const auto run = [&](int threads) {
      return run_op(kernels::fp32::prepare_reduce_mean, attrs, std::vector{tensor(shape, x)}, {output(DType::f32, out)},
                    {.threads = threads});
    };
    const auto one = run(1), many = run(5);
    REQUIRE(many.status().message() == "");
    CHECK(many->slices > 1);
    CHECK(one->outputs[0].bytes == many->outputs[0].bytes);
  }
}

TEST_CASE("fp32 pools follow ONNX in every border case", "[fp32][pool]") {
  std::mt19937 random(20273);
  for (int i = 0; i < 200; ++i) {
    graph::PoolAttrs attrs;
    attrs.kind = i % 2 == 0 ? graph::PoolKind::max : graph::PoolKind::average;
    attrs.channels_last = true;
    attrs.ceil_mode = random() % 2 == 0;
    attrs.count_include_pad = random() % 2 == 0;
    const Shape in{random_in(random, 1, 2), random_in(random, 1, 8), random_in(random, 1, 8), random_in(random, 1, 70)};
    Shape out{in[0], 0, 0, in[3]};
    auto& w = attrs.window;
    for (int axis = 0; axis < 2; ++axis) {
      const auto a = static_cast<std::size_t>(axis);
      std::int64_t spare = -1;
      while (spare < 0) {
        w.kernel[a] = random_in(random, 1, 5);
        w.stride[a] = random_in(random, 1, 4);
        w.dilation[a] = random_in(random, 1, 2);
        w.pad_begin[a] = random_in(random, 0, w.kernel[a] - 1);
        w.pad_end[a] = random_in(random, 0, w.kernel[a] - 1);
        spare = in[1 + axis] + w.pad_begin[a] + w.pad_end[a] - (w.kernel[a] - 1) * w.dilation[a] - 1;
      }
      out[1 + axis] = (attrs.ceil_mode ? (spare + w.stride[a] - 1) / w.stride[a] : spare / w.stride[a]) + 1;
    }
    const auto x = random_floats(random, in.count());
    std::vector<float> expected;
    for (std::int64_t n = 0; n < out[0]; ++n)
      for (std::int64_t oy = 0; oy < out[1]; ++oy)
        for (std::int64_t ox = 0; ox < out[2]; ++ox)
          for (std::int64_t c = 0; c < out[3]; ++c) {
            std::vector<float> inside;
            std::int64_t padded = 0;  // elements in the padded image
            for (std::int64_t ky = 0; ky < w.kernel[0]; ++ky)
              for (std::int64_t kx = 0; kx < w.kernel[1]; ++kx) {
                const std::int64_t y = oy * w.stride[0] - w.pad_begin[0] + ky * w.dilation[0];
                const std::int64_t z = ox * w.stride[1] - w.pad_begin[1] + kx * w.dilation[1];
                if (y < in[1] + w.pad_end[0] && z < in[2] + w.pad_end[1]) ++padded;
                if (y < 0 || z < 0 || y >= in[1] || z >= in[2]) continue;
                inside.push_back(x[static_cast<std::size_t>(((n * in[1] + y) * in[2] + z) * in[3] + c)]);
              }
            if (attrs.kind == graph::PoolKind::max) {
              float top = -kInfinity;
              for (float v : inside) top = std::max(top, v);
              expected.push_back(top);
            } else {
              const std::int64_t count = attrs.count_include_pad ? padded : static_cast<std::int64_t>(inside.size());
              expected.push_back(ordered_total(inside) / static_cast<float>(std::max<std::int64_t>(1, count)));
            }
          }
    for (int threads : {1, 4}) {
      const auto result = run_op(kernels::fp32::prepare_pool, attrs, std::vector{tensor(in, x)},
                                 {output(DType::f32, out)}, {.threads = threads});
      REQUIRE(result.status().message() == "");
      CHECK(bit_difference(result->outputs[0].as<float>(), expected) == "");
    }
  }
}

TEST_CASE("fp32 global pools span the image and keep NaN", "[fp32][pool]") {
  std::mt19937 random(20274);
  const Shape in{2, 30, 17, 300}, out{2, 1, 1, 300};
  auto x = random_floats(random, in.count());
  x[300] = kNaN;  // channel 0 of the first image
  for (graph::PoolKind kind : {graph::PoolKind::max, graph::PoolKind::average}) {
    graph::PoolAttrs attrs;
    attrs.kind = kind;
    attrs.global = attrs.channels_last = true;
    const auto run = [&](int threads) {
      return run_op(kernels::fp32::prepare_pool, attrs, std::vector{tensor(in, x)}, {output(DType::f32, out)},
                    {.threads = threads});
    };
    const auto one = run(1), many = run(4);
    REQUIRE(many.status().message() == "");
    CHECK(many->slices > 1);
    CHECK(one->outputs[0].bytes == many->outputs[0].bytes);
    const auto y = one->outputs[0].as<float>();
    CHECK(std::isnan(y[0]));
    CHECK(!std::isnan(y[1]));
  }
}

}  // namespace octet::test
