// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "tests/kernels/elementwise.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using graph::ResizeAttrs;
using oracle::Mode;
using test::CodeTensor;
using Coordinates = ResizeAttrs::Coordinates;
using Nearest = ResizeAttrs::Nearest;

// The formulas of the ONNX page, for scales that are exactly out/in.
double source(Coordinates mode, std::int64_t in, std::int64_t out, std::int64_t i) {
  const auto x = static_cast<double>(i), n = static_cast<double>(in), m = static_cast<double>(out);  // 1/scale = n/m
  switch (mode) {
    case Coordinates::half_pixel:
      return (x + 0.5) * n / m - 0.5;
    case Coordinates::pytorch_half_pixel:
      return out > 1 ? (x + 0.5) * n / m - 0.5 : 0;
    case Coordinates::align_corners:
      return out > 1 ? x * (n - 1) / (m - 1) : 0;
    case Coordinates::asymmetric:
      return x * n / m;
  }
  return 0;
}

std::int64_t nearest(Nearest mode, double x, std::int64_t in) {
  const double below = std::floor(x), rest = x - below;
  const bool up = mode == Nearest::ceil                 ? rest > 0
                  : mode == Nearest::round_prefer_floor ? rest > 0.5
                  : mode == Nearest::round_prefer_ceil  ? rest >= 0.5
                                                        : false;
  return static_cast<std::int64_t>(std::min(std::max(below + (up ? 1 : 0), 0.0), static_cast<double>(in - 1)));
}

ResizeAttrs attrs_for(ResizeAttrs::Mode mode, Coordinates coordinates, Nearest rounding, const Shape& in,
                      const Shape& out) {
  ResizeAttrs attrs;
  attrs.mode = mode, attrs.coordinates = coordinates, attrs.nearest = rounding;
  for (int i = 0; i < in.rank(); ++i) attrs.scales.push_back(static_cast<float>(out[i]) / static_cast<float>(in[i]));
  return attrs;
}

// x (batch, h, w, c) -> (batch, out h, out w, c)
int run_nearest(const CodeTensor& x, std::int64_t height, std::int64_t width, Coordinates coordinates, Nearest rounding,
                oracle::Codes params) {
  const CodeTensor y{{x.shape[0], height, width, x.shape[3]}, params};
  const ResizeAttrs attrs = attrs_for(ResizeAttrs::Mode::nearest, coordinates, rounding, x.shape, y.shape);
  return test::check_everywhere(prepare_resize, attrs, {x}, y, [&](Mode mode) {
    std::vector<int> codes;
    for (std::int64_t b = 0; b < x.shape[0]; ++b)
      for (std::int64_t oy = 0; oy < height; ++oy)
        for (std::int64_t ox = 0; ox < width; ++ox)
          for (std::int64_t c = 0; c < x.shape[3]; ++c) {
            const auto iy =
                x.shape[1] == height ? oy : nearest(rounding, source(coordinates, x.shape[1], height, oy), x.shape[1]);
            const auto ix =
                x.shape[2] == width ? ox : nearest(rounding, source(coordinates, x.shape[2], width, ox), x.shape[2]);
            const int q = x.codes[static_cast<std::size_t>(((b * x.shape[1] + iy) * x.shape[2] + ix) * x.shape[3] + c)];
            codes.push_back(
                oracle::requantize(q - x.params.zero, x.params.scale, 1, params.scale, params.zero, 0, 255, mode));
          }
    return codes;
  });
}

// Resizes axes `first` and `first + 1` of a tensor of rank 4.
int run_linear(const CodeTensor& x, const Shape& out, int first, Coordinates coordinates, oracle::Codes params) {
  const CodeTensor y{out, params};
  const ResizeAttrs attrs = attrs_for(ResizeAttrs::Mode::linear, coordinates, Nearest::floor, x.shape, out);
  struct Blend {
    std::int64_t low, high, weight;
  };
  const auto blend = [&](int axis, std::int64_t i) -> Blend {
    const std::int64_t in = x.shape[axis];
    if (in == out[axis]) return {i, i, 0};
    const double at = std::min(std::max(source(coordinates, in, out[axis], i), 0.0), static_cast<double>(in - 1));
    const auto low = static_cast<std::int64_t>(std::floor(at));
    return {low, std::min(low + 1, in - 1),
            static_cast<std::int64_t>(oracle::round_even((at - static_cast<double>(low)) * 1024))};
  };
  return test::check_everywhere(prepare_resize, attrs, {x}, y, [&](Mode mode) {
    std::vector<int> codes;
    std::int64_t o[4];
    for (o[0] = 0; o[0] < out[0]; ++o[0])
      for (o[1] = 0; o[1] < out[1]; ++o[1])
        for (o[2] = 0; o[2] < out[2]; ++o[2])
          for (o[3] = 0; o[3] < out[3]; ++o[3]) {
            const Blend a = blend(first, o[first]), b = blend(first + 1, o[first + 1]);
            const auto value = [&](std::int64_t i, std::int64_t j) -> std::int64_t {
              std::int64_t at[4] = {o[0], o[1], o[2], o[3]};
              at[first] = i, at[first + 1] = j;
              const auto index = ((at[0] * x.shape[1] + at[1]) * x.shape[2] + at[2]) * x.shape[3] + at[3];
              return x.codes[static_cast<std::size_t>(index)] - x.params.zero;
            };
            const std::int64_t acc =
                (1024 - a.weight) * ((1024 - b.weight) * value(a.low, b.low) + b.weight * value(a.low, b.high)) +
                a.weight * ((1024 - b.weight) * value(a.high, b.low) + b.weight * value(a.high, b.high));
            if (mode == Mode::fixed) {
              const double real = static_cast<double>(x.params.scale) / static_cast<double>(params.scale) / 1048576;
              codes.push_back(oracle::requantize_fixed(acc, real, params.zero, 0, 255));
            } else {
              const float factor = oracle::factor_of(x.params.scale, 1, params.scale, mode) / 1048576;
              codes.push_back(oracle::requantize_floating(acc, factor, params.zero, 0, 255));
            }
          }
    return codes;
  });
}

const Coordinates kCoordinates[] = {Coordinates::half_pixel, Coordinates::pytorch_half_pixel,
                                    Coordinates::align_corners, Coordinates::asymmetric};

}  // namespace

TEST_CASE("int8 nearest resize", "[resize]") {
  std::mt19937 random(91);
  for (const Coordinates coordinates : kCoordinates) {
    for (const Nearest rounding :
         {Nearest::round_prefer_floor, Nearest::round_prefer_ceil, Nearest::floor, Nearest::ceil}) {
      for (const auto& [height, width] :
           {std::pair{8, 6}, std::pair{4, 3}, std::pair{1, 7}, std::pair{3, 2}, std::pair{12, 1}}) {
        const CodeTensor x = test::random_codes(random, {2, 4, 3, 1 + static_cast<std::int64_t>(random() % 40)});
        INFO(static_cast<int>(coordinates) << " " << static_cast<int>(rounding) << " " << height << "x" << width);
        run_nearest(x, height, width, coordinates, rounding,
                    random() % 4 == 0 ? test::random_params(random) : x.params);
      }
    }
  }
  const CodeTensor x = test::random_codes(random, {1, 30, 30, 33});
  CHECK(run_nearest(x, 60, 60, Coordinates::asymmetric, Nearest::floor, x.params) > 1);
}

// 4 / f32(4/3) is a little less than 3: its floor would be row 2.
TEST_CASE("scales that were made from sizes mean their ratio", "[resize]") {
  std::mt19937 random(92);
  for (std::int64_t in = 1; in <= 24; ++in) {
    for (std::int64_t out = 1; out <= 40; ++out) {
      const ResizeAttrs attrs =
          attrs_for(ResizeAttrs::Mode::nearest, Coordinates::asymmetric, Nearest::floor, {in}, {out});
      const CodeTensor x = test::random_codes(random, {in});
      std::vector<int> codes;
      for (std::int64_t i = 0; i < out; ++i) codes.push_back(x.codes[static_cast<std::size_t>(i * in / out)]);
      const auto result =
          test::run_op(prepare_resize, attrs, std::vector{test::code_tensor(x, DType::u8)},
                       {test::code_tensor({{out}, x.params}, DType::u8)}, {.backend = &test::scalar_backend()});
      REQUIRE(result.ok());
      for (std::size_t i = 0; i < codes.size(); ++i) {
        REQUIRE(std::to_integer<int>(result->outputs[0].bytes[i]) == codes[i]);
      }
    }
  }
}

TEST_CASE("int8 linear resize", "[resize]") {
  std::mt19937 random(93);
  for (const Coordinates coordinates : kCoordinates) {
    for (const auto& [height, width] :
         {std::pair{8, 6}, std::pair{4, 5}, std::pair{7, 3}, std::pair{1, 1}, std::pair{2, 11}}) {
      INFO(static_cast<int>(coordinates) << " " << height << "x" << width);
      const std::int64_t channels = random() % 3 == 0 ? 300 : 1 + static_cast<std::int64_t>(random() % 20);
      const CodeTensor last = test::random_codes(random, {2, 4, 3, channels});
      run_linear(last, {2, height, width, channels}, 1, coordinates,
                 random() % 2 == 0 ? last.params : test::random_params(random));
      const CodeTensor first = test::random_codes(random, {2, 3, 4, 3});
      run_linear(first, {2, 3, height, width}, 2, coordinates, test::random_params(random));
    }
  }
  const CodeTensor x = test::random_codes(random, {1, 20, 20, 64});
  CHECK(run_linear(x, {1, 40, 40, 64}, 1, Coordinates::half_pixel, x.params) > 1);
  // The largest accumulators there are.
  CodeTensor extreme{{1, 2, 2, 4}, {1, 255}, std::vector<int>(16, 0)};
  run_linear(extreme, {1, 5, 5, 4}, 1, Coordinates::half_pixel, {1, 255});
  extreme.params.zero = 0;
  extreme.codes.assign(16, 255);
  run_linear(extreme, {1, 5, 5, 4}, 1, Coordinates::half_pixel, {1, 0});
}

TEST_CASE("what int8 resize refuses", "[resize]") {
  const test::Tensor x = test::code_tensor({{2, 2, 2}, {1, 0}, std::vector<int>(8)}, DType::u8);
  const auto y = [](const Shape& shape) { return test::output(DType::u8, shape, test::per_tensor(1, 0)); };
  ResizeAttrs attrs;
  attrs.scales = {2, 2};
  test::check_refused(prepare_resize, attrs, {x}, {y({4, 4, 4})}, "one per axis");
  attrs.scales = {2, 0, 2};
  test::check_refused(prepare_resize, attrs, {x}, {y({4, 4, 4})}, "scale 0");
  attrs.scales = {2, NAN, 2};
  test::check_refused(prepare_resize, attrs, {x}, {y({4, 4, 4})}, "finite");
  attrs.scales = {2, 2, 2};
  attrs.mode = ResizeAttrs::Mode::linear;
  test::check_refused(prepare_resize, attrs, {x}, {y({4, 4, 4})}, "at most two axes");
  test::check_refused(prepare_resize, attrs, {x}, {y({0, 4, 4})}, "nothing to resize");
}

}  // namespace octet::kernels
