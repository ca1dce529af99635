// SPDX-License-Identifier: Apache-2.0
// The rules of docs/arithmetic.md for float ops, written as plainly as possible.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "graph/attrs.h"
#include "tests/support/prepared.h"

namespace octet::test {

// Element i goes to lane i % 16; then the lanes are folded by halves.
inline float ordered_total(const std::vector<float>& elements) {
  std::array<float, 16> lane{};
  for (std::size_t i = 0; i < elements.size(); ++i) lane[i % 16] = lane[i % 16] + elements[i];
  for (std::size_t step : {8U, 4U, 2U, 1U}) {
    for (std::size_t i = 0; i < step; ++i) lane[i] = lane[i] + lane[i + step];
  }
  return lane[0];
}

inline std::vector<float> random_floats(std::mt19937& random, std::int64_t n, float spread = 1.0F) {
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> values(static_cast<std::size_t>(n));
  for (float& v : values) v = normal(random);
  return values;
}
inline std::int64_t random_in(std::mt19937& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

// Empty if the bits agree (any NaN equals any other), else where they first do not.
inline std::string bit_difference(const std::vector<float>& got, const std::vector<float>& expected) {
  if (got.size() != expected.size()) return fmt::format("{} values instead of {}", got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] != got[i] && expected[i] != expected[i]) continue;
    if (std::bit_cast<std::uint32_t>(got[i]) != std::bit_cast<std::uint32_t>(expected[i])) {
      return fmt::format("element {}: {:a} instead of {:a}", i, got[i], expected[i]);
    }
  }
  return {};
}
inline std::string distance_beyond(const std::vector<float>& got, const std::vector<double>& expected,
                                   double tolerance) {
  if (got.size() != expected.size()) return fmt::format("{} values instead of {}", got.size(), expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (!(std::fabs(static_cast<double>(got[i]) - expected[i]) <= tolerance * (1 + std::fabs(expected[i])))) {
      return fmt::format("element {}: {} instead of {}", i, got[i], expected[i]);
    }
  }
  return {};
}

// A random convolution, with a size that its window fits.
struct ConvolutionCase {
  graph::Window window;
  std::int64_t batch, in_h, in_w, in_c, out_h, out_w, out_c, groups;
  std::array<std::int64_t, 2> output_padding{0, 0};
  bool transposed, has_bias;
  std::vector<float> x, weights, bias;  // NHWC; ONNX order; (out)

  Shape in_shape() const { return {batch, in_h, in_w, in_c}; }
  Shape out_shape() const { return {batch, out_h, out_w, out_c}; }
  Shape weight_shape() const {
    return transposed ? Shape{in_c, out_c / groups, window.kernel[0], window.kernel[1]}
                      : Shape{out_c, in_c / groups, window.kernel[0], window.kernel[1]};
  }
  std::vector<Tensor> inputs() const {
    return {tensor(in_shape(), x), constant(weight_shape(), weights),
            has_bias ? constant(Shape{out_c}, bias) : absent()};
  }
  graph::Attrs attrs(const graph::Clamp& clamp = {}) const {
    if (transposed) {
      graph::ConvTranspose2dAttrs attrs;
      attrs.window = window;
      attrs.groups = groups;
      attrs.channels_last = true;
      attrs.clamp = clamp;
      attrs.output_padding = output_padding;
      return attrs;
    }
    graph::Conv2dAttrs attrs;
    attrs.window = window;
    attrs.groups = groups;
    attrs.channels_last = true;
    attrs.clamp = clamp;
    return attrs;
  }
  // The products that output (n, y, x, o) sums, in order: window row, window column, input channel.
  std::vector<std::array<float, 2>> factors(std::int64_t n, std::int64_t oy, std::int64_t ox, std::int64_t o) const;
  std::string describe() const {
    return fmt::format(
        "{}conv in {} out {} kernel {}x{} stride {},{} dilation {},{} pads {},{},{},{} groups {} bias {}",
        transposed ? "transposed " : "", to_string(in_shape()), to_string(out_shape()), window.kernel[0],
        window.kernel[1], window.stride[0], window.stride[1], window.dilation[0], window.dilation[1],
        window.pad_begin[0], window.pad_begin[1], window.pad_end[0], window.pad_end[1], groups, has_bias);
  }
};

inline std::vector<std::array<float, 2>> ConvolutionCase::factors(std::int64_t n, std::int64_t oy, std::int64_t ox,
                                                                  std::int64_t o) const {
  std::vector<std::array<float, 2>> result;
  const std::int64_t ig = in_c / groups, og = out_c / groups, group = o / og;
  // The input coordinate that window tap k reads for output coordinate `out`; -1: none.
  const auto source = [&](std::size_t axis, std::int64_t out, std::int64_t k, std::int64_t size) -> std::int64_t {
    for (std::int64_t in = 0; in < size; ++in) {
      const std::int64_t fine = transposed ? out : in, coarse = transposed ? in : out;
      if (fine == coarse * window.stride[axis] - window.pad_begin[axis] + k * window.dilation[axis]) return in;
    }
    return -1;
  };
  for (std::int64_t ky = 0; ky < window.kernel[0]; ++ky) {
    for (std::int64_t kx = 0; kx < window.kernel[1]; ++kx) {
      const std::int64_t iy = source(0, oy, ky, in_h), ix = source(1, ox, kx, in_w);
      if (iy < 0 || ix < 0) continue;
      for (std::int64_t i = 0; i < ig; ++i) {
        const std::int64_t channel = group * ig + i;
        const std::int64_t plane = transposed ? channel * og + o % og : o * ig + i;
        result.push_back({x[static_cast<std::size_t>(((n * in_h + iy) * in_w + ix) * in_c + channel)],
                          weights[static_cast<std::size_t>((plane * window.kernel[0] + ky) * window.kernel[1] + kx)]});
      }
    }
  }
  return result;
}

inline ConvolutionCase random_convolution(std::mt19937& random, bool transposed) {
  ConvolutionCase c;
  c.transposed = transposed;
  c.has_bias = random() % 2 == 0;
  c.batch = random_in(random, 1, 2);
  c.in_h = random_in(random, 1, 9);
  c.in_w = random_in(random, 1, 19);
  for (;;) {
    std::array<std::int64_t, 2> out{};
    for (std::size_t axis = 0; axis < 2; ++axis) {
      auto& w = c.window;
      w.kernel[axis] = random_in(random, 1, 5);
      w.stride[axis] = random_in(random, 1, 3);
      w.dilation[axis] = random_in(random, 1, 3);
      w.pad_begin[axis] = random_in(random, 0, 3);
      w.pad_end[axis] = random_in(random, 0, 3);
      const std::int64_t in = axis == 0 ? c.in_h : c.in_w, reach = (w.kernel[axis] - 1) * w.dilation[axis] + 1;
      const std::int64_t pads = w.pad_begin[axis] + w.pad_end[axis];
      if (transposed) {
        c.output_padding[axis] = random_in(random, 0, w.stride[axis] - 1);
        out[axis] = (in - 1) * w.stride[axis] + reach - pads + c.output_padding[axis];
      } else {
        out[axis] = in + pads < reach ? 0 : (in + pads - reach) / w.stride[axis] + 1;
      }
    }
    c.out_h = out[0];
    c.out_w = out[1];
    if (c.out_h > 0 && c.out_w > 0) break;
  }
  switch (random() % 3) {
    case 0:  // dense
      c.groups = 1;
      c.in_c = random_in(random, 1, 21);
      c.out_c = random_in(random, 1, 21);
      break;
    case 1:  // grouped, also one input or output channel per group
      c.groups = random_in(random, 2, 4);
      c.in_c = c.groups * random_in(random, 1, 5);
      c.out_c = c.groups * random_in(random, 1, 5);
      break;
    default:  // depthwise
      c.groups = c.in_c = c.out_c = random_in(random, 2, 40);
  }
  c.x = random_floats(random, c.in_shape().count());
  c.weights = random_floats(random, c.weight_shape().count());
  c.bias = random_floats(random, c.out_c);
  return c;
}

}  // namespace octet::test
