// SPDX-License-Identifier: Apache-2.0
#include "kernels/float_ops.h"
#include "tests/kernels/fp32_reference.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

using graph::ResizeAttrs;
using Coordinates = ResizeAttrs::Coordinates;
using Nearest = ResizeAttrs::Nearest;

double source_of(const ResizeAttrs& attrs, int axis, std::int64_t in, std::int64_t out, std::int64_t index) {
  const float given = attrs.scales[static_cast<std::size_t>(axis)];
  const double ratio = static_cast<double>(out) / static_cast<double>(in);  // meant where its rounding was given
  const bool is_ratio = static_cast<float>(ratio) == given;
  const double scale = is_ratio ? ratio : static_cast<double>(given);
  // ONNX's definition keeps the fraction of the resized length: the last output may lie beyond the input.
  const double last = (is_ratio ? static_cast<double>(out) : scale * static_cast<double>(in)) - 1;
  const auto i = static_cast<double>(index);
  switch (attrs.coordinates) {
    case Coordinates::asymmetric:
      return i / scale;
    case Coordinates::align_corners:
      return out == 1 || last <= 0 ? 0 : i * static_cast<double>(in - 1) / last;
    case Coordinates::pytorch_half_pixel:
      return out == 1 ? 0 : (i + 0.5) / scale - 0.5;
    case Coordinates::half_pixel:
      break;
  }
  return (i + 0.5) / scale - 0.5;
}

std::int64_t pick(Nearest mode, double source, std::int64_t in) {
  const double below = std::floor(source), fraction = source - below;
  double index = below;
  if (mode == Nearest::ceil && fraction > 0) index += 1;
  if (mode == Nearest::round_prefer_floor && fraction > 0.5) index += 1;
  if (mode == Nearest::round_prefer_ceil && fraction >= 0.5) index += 1;
  return static_cast<std::int64_t>(std::min(std::max(index, 0.0), static_cast<double>(in - 1)));
}

// By recursion over the axes, the first one outermost: blends (or picks) what the rest gives.
float value_at(const ResizeAttrs& attrs, const Shape& in, const Shape& out, const std::vector<float>& x,
               const std::vector<std::int64_t>& index, int axis, std::int64_t offset) {
  if (axis == in.rank()) return x[static_cast<std::size_t>(offset)];
  const std::int64_t n = in[axis], at = index[static_cast<std::size_t>(axis)];
  const auto below = [&](std::int64_t i) { return value_at(attrs, in, out, x, index, axis + 1, offset * n + i); };
  if (in[axis] == out[axis] && attrs.scales[static_cast<std::size_t>(axis)] == 1.0F) return below(at);
  const double source = source_of(attrs, axis, n, out[axis], at);
  if (attrs.mode == ResizeAttrs::Mode::nearest) return below(pick(attrs.nearest, source, n));
  const double inside = std::min(std::max(source, 0.0), static_cast<double>(n - 1));
  const auto low = static_cast<std::int64_t>(std::floor(inside));
  const auto f = static_cast<float>(inside - std::floor(inside));
  if (f == 0.0F) return below(low);
  return below(low) * (1.0F - f) + below(low + 1) * f;
}

}  // namespace

TEST_CASE("fp32 Resize follows ONNX in every mode on any axes", "[fp32][resize]") {
  struct ResizeCase {
    Shape in, out;
    std::vector<float> scales;
  };
  std::mt19937 random(20280);
  const std::vector<ResizeCase> cases{
      {{1, 3, 4, 2}, {1, 6, 8, 2}, {1, 2, 2, 1}},          // NHWC
      {{2, 3, 5, 20}, {2, 2, 3, 20}, {1, 0.7F, 0.6F, 1}},  // smaller
      {{1, 2, 3, 5}, {1, 2, 7, 6}, {1, 1, 2.5F, 1.2F}},    // NCHW
      {{3, 2, 4}, {5, 3, 4}, {1.7F, 1.5F, 1}},
      {{2, 3, 2}, {3, 5, 3}, {1.5F, 1.9F, 1.5F}},  // trilinear
      {{5}, {1}, {0.3F}},
      {{3, 4}, {3, 4}, {1, 1.2F}},  // same size, another scale
      {{1, 1, 1, 3}, {1, 4, 3, 3}, {1, 4, 3, 1}},
      {{2, 3}, {2, 3}, {1, 1}},
  };
  for (const ResizeCase& c : cases) {
    const auto x = random_floats(random, c.in.count());
    for (int mode = 0; mode < 2; ++mode) {
      for (int coordinates = 0; coordinates < 4; ++coordinates) {
        for (int nearest = 0; nearest < (mode == 0 ? 4 : 1); ++nearest) {
          CAPTURE(to_string(c.in), to_string(c.out), mode, coordinates, nearest);
          ResizeAttrs attrs;
          attrs.mode = static_cast<ResizeAttrs::Mode>(mode);
          attrs.coordinates = static_cast<Coordinates>(coordinates);
          attrs.nearest = static_cast<Nearest>(nearest);
          attrs.scales = c.scales;
          std::vector<float> expected;
          for (std::int64_t i = 0; i < c.out.count(); ++i) {
            std::vector<std::int64_t> index(static_cast<std::size_t>(c.out.rank()));
            std::int64_t rest = i;
            for (int axis = c.out.rank(); axis-- > 0; rest /= c.out[axis]) {
              index[static_cast<std::size_t>(axis)] = rest % c.out[axis];
            }
            expected.push_back(value_at(attrs, c.in, c.out, x, index, 0, 0));
          }
          const auto result =
              run_op(kernels::fp32::prepare_resize, attrs, std::vector{tensor(c.in, x)}, {output(DType::f32, c.out)});
          REQUIRE(result.status().message() == "");
          CHECK(bit_difference(result->outputs[0].as<float>(), expected) == "");
        }
      }
    }
  }
}

TEST_CASE("fp32 Resize gives the same bits in any number of slices", "[fp32][resize]") {
  std::mt19937 random(20281);
  const Shape in{1, 20, 21, 33}, out{1, 40, 63, 33};
  const auto x = random_floats(random, in.count());
  for (const auto mode : {ResizeAttrs::Mode::nearest, ResizeAttrs::Mode::linear}) {
    ResizeAttrs attrs;
    attrs.mode = mode;
    attrs.scales = {1, 2, 3, 1};
    const auto run = [&](int threads) {
      return run_op(kernels::fp32::prepare_resize, attrs, std::vector{tensor(in, x)}, {output(DType::f32, out)},
                    {.threads = threads});
    };
    const auto one = run(1), many = run(3);
    REQUIRE(many.status().message() == "");
    CHECK(many->slices >= 3);
    CHECK(one->outputs[0].bytes == many->outputs[0].bytes);
  }
}

TEST_CASE("fp32 Resize refuses scales that are none", "[fp32][resize]") {
  const auto message = [](const std::vector<float>& scales) {
    ResizeAttrs attrs;
    attrs.scales = scales;
    return run_op(kernels::fp32::prepare_resize, attrs, std::vector{tensor<float>({2, 2}, {1, 2, 3, 4})},
                  {output(DType::f32, {2, 4})})
        .status()
        .message();
  };
  CHECK(message({1, 2}) == "");
  CHECK(message({1, 0}) == "node 'node': scale 0 at axis 1: must be finite and above 0");
  CHECK(message({2}) == "node 'node': input [2,2], output [2,4], 1 scales: all must have the same rank");
}

}  // namespace octet::test
