// SPDX-License-Identifier: Apache-2.0
#include "tests/kernels/elementwise.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using graph::PoolAttrs;
using graph::PoolKind;
using oracle::Mode;
using test::CodeTensor;

// clamp(zo + round(sum * sx / (so * n))) as docs/arithmetic.md says.
int mean_code(std::int64_t sum, std::int64_t n, oracle::Codes in, oracle::Codes out, Mode mode) {
  if (mode == Mode::fixed) {
    const double real = static_cast<double>(in.scale) / (static_cast<double>(out.scale) * static_cast<double>(n));
    return oracle::requantize_fixed(sum, real, out.zero, 0, 255);
  }
  return oracle::requantize_floating(sum, in.scale / (out.scale * static_cast<float>(n)), out.zero, 0, 255);
}

// Every output by its definition: looks at each tap of each window.
std::vector<int> pooled(const PoolAttrs& attrs, const CodeTensor& x, const CodeTensor& y, Mode mode) {
  std::vector<int> codes;
  const graph::Window& w = attrs.window;
  const auto batch = x.shape[0], height = x.shape[1], width = x.shape[2], channels = x.shape[3];
  const auto kh = attrs.global ? height : w.kernel[0], kw = attrs.global ? width : w.kernel[1];
  for (std::int64_t b = 0; b < batch; ++b)
    for (std::int64_t oy = 0; oy < y.shape[1]; ++oy)
      for (std::int64_t ox = 0; ox < y.shape[2]; ++ox)
        for (std::int64_t c = 0; c < channels; ++c) {
          std::int64_t sum = 0, n = 0, padded = 0;
          int largest = 0;
          for (std::int64_t ky = 0; ky < kh; ++ky)
            for (std::int64_t kx = 0; kx < kw; ++kx) {
              const auto iy = oy * w.stride[0] - w.pad_begin[0] + ky * w.dilation[0];
              const auto ix = ox * w.stride[1] - w.pad_begin[1] + kx * w.dilation[1];
              if (iy < height + w.pad_end[0] && ix < width + w.pad_end[1]) ++padded;
              if (iy < 0 || ix < 0 || iy >= height || ix >= width) continue;
              const int q = x.codes[static_cast<std::size_t>(((b * height + iy) * width + ix) * channels + c)];
              largest = std::max(largest, q);
              sum += q - x.params.zero;
              ++n;
            }
          if (attrs.kind == PoolKind::average) {
            codes.push_back(n == 0 ? y.params.zero
                                   : mean_code(sum, attrs.count_include_pad ? padded : n, x.params, y.params, mode));
          } else {
            codes.push_back(oracle::requantize(largest - x.params.zero, x.params.scale, 1, y.params.scale,
                                               y.params.zero, 0, 255, mode));
          }
        }
  return codes;
}

int run_case(const PoolAttrs& attrs, const CodeTensor& x, oracle::Codes out) {
  const graph::Window& w = attrs.window;
  Shape shape = x.shape;
  for (int i = 0; i < 2; ++i) {
    const auto a = static_cast<std::size_t>(i);
    const auto room = x.shape[i + 1] + w.pad_begin[a] + w.pad_end[a] - ((w.kernel[a] - 1) * w.dilation[a] + 1);
    auto size = (attrs.ceil_mode ? (room + w.stride[a] - 1) / w.stride[a] : room / w.stride[a]) + 1;
    if (attrs.ceil_mode && (size - 1) * w.stride[a] >= x.shape[i + 1] + w.pad_begin[a]) --size;
    shape[i + 1] = attrs.global ? 1 : size;
  }
  const CodeTensor y{shape, out};
  return test::check_everywhere(prepare_pool, attrs, {x}, y, [&](Mode mode) { return pooled(attrs, x, y, mode); });
}

PoolAttrs pool(PoolKind kind, graph::Window window) {
  PoolAttrs attrs;
  attrs.kind = kind;
  attrs.window = window;
  attrs.channels_last = true;
  return attrs;
}

}  // namespace

TEST_CASE("int8 pools: windows, pads, strides, dilations, overhang", "[pool]") {
  const graph::Window windows[] = {
      {.kernel = {2, 2}, .stride = {2, 2}},
      {.kernel = {3, 3}, .stride = {2, 2}, .pad_begin = {1, 1}, .pad_end = {1, 1}},
      {.kernel = {3, 2}, .stride = {1, 3}, .pad_begin = {2, 0}, .pad_end = {0, 1}},
      {.kernel = {2, 3}, .stride = {2, 1}, .dilation = {3, 2}, .pad_begin = {1, 2}, .pad_end = {2, 2}},
      {.kernel = {1, 1}, .stride = {3, 2}},
      {.kernel = {2, 2},
       .stride = {1, 1},
       .dilation = {8, 8},
       .pad_begin = {4, 4},
       .pad_end = {4, 4}},  // may miss the image
      {.kernel = {7, 9}, .stride = {1, 1}}};
  std::mt19937 random(41);
  for (const graph::Window& window : windows) {
    for (const PoolKind kind : {PoolKind::max, PoolKind::average}) {
      for (int variant = 0; variant < 4; ++variant) {
        PoolAttrs attrs = pool(kind, window);
        attrs.ceil_mode = variant % 2 == 1;
        attrs.count_include_pad = variant >= 2;
        const CodeTensor x = test::random_codes(random, {2, 7, 9, 1 + static_cast<std::int64_t>(random() % 70)});
        const bool same = kind == PoolKind::max && random() % 2 == 0;
        INFO("window " << window.kernel[0] << "x" << window.kernel[1] << " variant " << variant);
        run_case(attrs, x, same ? x.params : test::random_params(random));
      }
    }
  }
}

TEST_CASE("int8 global average and max pool", "[pool]") {
  std::mt19937 random(42);
  for (const Shape& shape : {Shape{1, 7, 7, 130}, Shape{3, 1, 1, 5}, Shape{2, 16, 16, 3}, Shape{1, 1, 40, 17}}) {
    for (const PoolKind kind : {PoolKind::max, PoolKind::average}) {
      PoolAttrs attrs = pool(kind, {});
      attrs.global = true;
      run_case(attrs, test::random_codes(random, shape), test::random_params(random));
    }
  }
}

TEST_CASE("a 2x2 average at equal scales rounds its ties up", "[pool]") {
  CodeTensor x{{1, 2, 2, 3}, {0.1F, 100}, {100, 99, 103, 101, 98, 103, 101, 100, 103, 100, 97, 101}};
  const CodeTensor y{{1, 1, 1, 3}, {0.1F, 100}};
  // Means less 100: 0.5, -1.5, 2.5.
  test::check_everywhere(prepare_pool, pool(PoolKind::average, {.kernel = {2, 2}, .stride = {2, 2}}), {x}, y,
                         [](Mode mode) {
                           return mode == Mode::fixed ? std::vector{101, 99, 103} : std::vector{100, 98, 102};
                         });
}

TEST_CASE("int8 pools cut into slices", "[pool]") {
  std::mt19937 random(43);
  const CodeTensor x = test::random_codes(random, {2, 33, 31, 67});
  for (const PoolKind kind : {PoolKind::max, PoolKind::average}) {
    const graph::Window window{.kernel = {3, 3}, .stride = {1, 1}, .pad_begin = {1, 1}, .pad_end = {1, 1}};
    CHECK(run_case(pool(kind, window), x, test::random_params(random)) > 1);
  }
}

TEST_CASE("what int8 pools refuse", "[pool]") {
  const test::Tensor x = test::code_tensor({{1, 4, 4, 2}, {1, 0}, std::vector<int>(32)}, DType::u8);
  const auto y = [](const Shape& shape) { return test::output(DType::u8, shape, test::per_tensor(1, 0)); };
  PoolAttrs attrs = pool(PoolKind::max, {.kernel = {2, 2}, .stride = {2, 2}});
  attrs.channels_last = false;
  test::check_refused(prepare_pool, attrs, {x}, {y({1, 2, 2, 2})}, "channels last");
  attrs.channels_last = true;
  test::check_refused(prepare_pool, attrs, {x}, {y({1, 2, 2, 3})}, "batch and channels");
  test::check_refused(prepare_pool, attrs, {x}, {y({1, 20, 2, 2})}, "windows");
  attrs.window.stride = {0, 1};
  test::check_refused(prepare_pool, attrs, {x}, {y({1, 2, 2, 2})}, "windows");
  attrs.window.stride = {std::int64_t{1} << 62, 1};
  test::check_refused(prepare_pool, attrs, {x}, {y({1, 2, 2, 2})}, "windows");
  attrs.global = true;
  test::check_refused(prepare_pool, attrs, {x}, {y({1, 2, 2, 2})}, "windows");
}

}  // namespace octet::kernels
