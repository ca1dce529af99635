// SPDX-License-Identifier: Apache-2.0
// oneDNN against octet's own float operators: same meaning, other order of sums.
#include "kernels/float_ops.h"
#include "tests/kernels/fp32_reference.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

constexpr double kTolerance = 1e-4;

// "" if both agree; sets `declined` where oneDNN leaves the op to fp32.
std::string compare(kernels::PrepareFn own, const graph::Attrs& attrs, const std::vector<Tensor>& inputs,
                    const Shape& out, int threads, int* declined = nullptr) {
  const auto expected = run_op(own, attrs, inputs, {output(DType::f32, out)});
  if (!expected) return expected.status().message();
  const auto got = run_op(kernels::onednn::prepare, attrs, inputs, {output(DType::f32, out)}, {.threads = threads});
  if (!got) {
    if (declined == nullptr || got.status().message() != "the operator declined") return got.status().message();
    ++*declined;
    return {};
  }
  const auto values = expected->outputs[0].as<float>();
  return distance_beyond(got->outputs[0].as<float>(), {values.begin(), values.end()}, kTolerance);
}

}  // namespace

TEST_CASE("oneDNN convolutions agree with fp32", "[onednn]") {
  std::mt19937 random(20290);
  const float inf = std::numeric_limits<float>::infinity();
  for (int i = 0; i < 120; ++i) {
    const ConvolutionCase c = random_convolution(random, false);
    const graph::Clamp clamps[] = {{}, {0, inf}, {0, 6}, {-1, inf}};
    INFO(c.describe());
    CHECK(compare(kernels::fp32::prepare_conv2d, c.attrs(clamps[i % 4]), c.inputs(), c.out_shape(), 1 + i % 2) == "");
  }
}

TEST_CASE("oneDNN transposed convolutions agree with fp32", "[onednn]") {
  std::mt19937 random(20291);
  int declined = 0;
  for (int i = 0; i < 120; ++i) {
    const ConvolutionCase c = random_convolution(random, true);
    INFO(c.describe());
    CHECK(compare(kernels::fp32::prepare_conv_transpose2d, c.attrs(i % 3 == 0 ? graph::Clamp{0, 6} : graph::Clamp{}),
                  c.inputs(), c.out_shape(), 1 + i % 2, &declined) == "");
  }
  CHECK(declined < 12);
}

TEST_CASE("oneDNN Dense and MatMul agree with fp32", "[onednn]") {
  std::mt19937 random(20292);
  for (const Shape& x : {Shape{1, 64}, Shape{7}, Shape{2, 3, 31}, Shape{19, 48}}) {
    CAPTURE(to_string(x));
    const std::int64_t k = x[x.rank() - 1], n = random_in(random, 1, 70);
    Shape out = x;
    out[out.rank() - 1] = n;
    for (const bool has_bias : {false, true}) {
      CHECK(compare(kernels::fp32::prepare_dense, graph::DenseAttrs{{-2, 2}},
                    {tensor(x, random_floats(random, x.count())), constant({n, k}, random_floats(random, n * k)),
                     has_bias ? constant({n}, random_floats(random, n)) : absent()},
                    out, 2) == "");
    }
  }
  struct Shapes {
    Shape a, b, out;
  };
  for (const Shapes& c : std::vector<Shapes>{{{3, 5}, {5, 7}, {3, 7}},
                                             {{130, 33}, {33, 35}, {130, 35}},
                                             {{4}, {4}, {}},
                                             {{4}, {4, 3}, {3}},
                                             {{3, 4}, {4}, {3}},
                                             {{2, 3, 17}, {17, 2}, {2, 3, 2}},
                                             {{17}, {2, 17, 3}, {2, 3}},
                                             {{2, 1, 3, 40}, {5, 40, 18}, {2, 5, 3, 18}},
                                             {{2, 2, 1, 2, 3, 4}, {2, 1, 3, 1, 4, 5}, {2, 2, 3, 2, 3, 5}}}) {
    CAPTURE(to_string(c.a), to_string(c.b));
    CHECK(compare(kernels::fp32::prepare_matmul, graph::MatMulAttrs{{-1, 2}},
                  {tensor(c.a, random_floats(random, c.a.count())), tensor(c.b, random_floats(random, c.b.count()))},
                  c.out, 2) == "");
  }
}

TEST_CASE("oneDNN pools agree with fp32 or decline", "[onednn]") {
  std::mt19937 random(20293);
  int declined = 0;
  for (int i = 0; i < 200; ++i) {
    graph::PoolAttrs attrs;
    attrs.kind = i % 2 == 0 ? graph::PoolKind::max : graph::PoolKind::average;
    attrs.channels_last = true;
    attrs.ceil_mode = random() % 2 == 0;
    attrs.count_include_pad = random() % 2 == 0;
    const Shape in{random_in(random, 1, 2), random_in(random, 1, 9), random_in(random, 1, 9), random_in(random, 1, 40)};
    Shape out{in[0], 0, 0, in[3]};
    auto& w = attrs.window;
    for (int axis = 0; axis < 2; ++axis) {
      const auto a = static_cast<std::size_t>(axis);
      std::int64_t spare = -1;
      while (spare < 0) {
        w.kernel[a] = random_in(random, 1, 4);
        w.stride[a] = random_in(random, 1, 3);
        w.dilation[a] = random_in(random, 0, 3) == 0 ? 2 : 1;
        w.pad_begin[a] = random_in(random, 0, w.kernel[a] - 1);
        w.pad_end[a] = random_in(random, 0, w.kernel[a] - 1);
        spare = in[1 + axis] + w.pad_begin[a] + w.pad_end[a] - (w.kernel[a] - 1) * w.dilation[a] - 1;
      }
      out[1 + axis] = (attrs.ceil_mode ? (spare + w.stride[a] - 1) / w.stride[a] : spare / w.stride[a]) + 1;
      // As shape inference does: no window may start behind the image.
      if ((out[1 + axis] - 1) * w.stride[a] >= in[1 + axis] + w.pad_begin[a]) --out[1 + axis];
    }
    CAPTURE(to_string(in), to_string(out), i, w.kernel, w.stride, w.dilation, w.pad_begin, w.pad_end,
            attrs.count_include_pad);
    CHECK(compare(kernels::fp32::prepare_pool, attrs, {tensor(in, random_floats(random, in.count()))}, out, 1 + i % 2,
                  &declined) == "");
  }
  CHECK(declined < 100);
  for (graph::PoolKind kind : {graph::PoolKind::max, graph::PoolKind::average}) {
    graph::PoolAttrs attrs;
    attrs.kind = kind;
    attrs.global = attrs.channels_last = true;
    CHECK(compare(kernels::fp32::prepare_pool, attrs, {tensor({2, 7, 7, 20}, random_floats(random, 1960))},
                  {2, 1, 1, 20}, 2) == "");
  }
}

TEST_CASE("oneDNN leaves what is not its own to others", "[onednn]") {
  const auto message = [](const graph::Attrs& attrs, const Tensor& x, const Tensor& w) {
    return run_op(kernels::onednn::prepare, attrs, std::vector{x, w}, {output(DType::f32, {1, 1, 1, 1})})
        .status()
        .message();
  };
  graph::Conv2dAttrs conv;
  conv.channels_last = true;
  const Tensor x = tensor<float>({1, 1, 1, 1}, {1}), w = constant<float>({1, 1, 1, 1}, {2});
  CHECK(message(conv, x, w) == "");
  CHECK(message(graph::SoftmaxAttrs{}, x, w) == "the operator declined");
  CHECK(message(graph::Attrs{}, x, w) == "the operator declined");
  CHECK(message(conv, tensor<std::uint8_t>({1, 1, 1, 1}, {1}), w) == "the operator declined");
  CHECK(message(conv, x, tensor<float>({1, 1, 1, 1}, {2})) == "the operator declined");
  CHECK(message(conv, output(DType::f32, {1, 0, 1, 1}), w) == "the operator declined");
  conv.window.stride = {0, 1};
  CHECK(message(conv, x, w) == "the operator declined");
  conv.window.stride = {1, 1};
  conv.residual.present = true;
  CHECK(message(conv, x, w) == "the operator declined");
}

}  // namespace octet::test
