// SPDX-License-Identifier: Apache-2.0
// Where one output index of a resized axis reads.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "graph/attrs.h"

namespace octet::kernels::fp32 {

// out / in as a fraction. A scale that was made from two sizes means their exact ratio, kept as two
// integers: with f32(4/3) instead, 4 / scale would fall just below 3 and its floor miss that index.
struct AxisScale {
  double over, under;
};
inline AxisScale axis_scale(float scale, std::int64_t in, std::int64_t out) {
  const auto over = static_cast<double>(out), under = static_cast<double>(in);
  return static_cast<float>(over / under) == scale ? AxisScale{over, under} : AxisScale{static_cast<double>(scale), 1};
}

// The place in the input, in double on every CPU.
inline double source_coordinate(graph::ResizeAttrs::Coordinates mode, AxisScale scale, std::int64_t in,
                                std::int64_t out, std::int64_t index) {
  using Coordinates = graph::ResizeAttrs::Coordinates;
  const auto at = static_cast<double>(index);
  switch (mode) {
    case Coordinates::half_pixel:
      return (at + 0.5) * scale.under / scale.over - 0.5;
    case Coordinates::pytorch_half_pixel:
      return out > 1 ? (at + 0.5) * scale.under / scale.over - 0.5 : 0.0;
    case Coordinates::align_corners: {  // a scale may say that the last output lies a fraction beyond
      const double last = scale.over * static_cast<double>(in) / scale.under - 1;
      return out > 1 && last > 0 ? at * static_cast<double>(in - 1) / last : 0.0;
    }
    case Coordinates::asymmetric:
      return at * scale.under / scale.over;
  }
  return at;
}

inline std::int64_t nearest_index(graph::ResizeAttrs::Nearest mode, double source, std::int64_t in) {
  using Nearest = graph::ResizeAttrs::Nearest;
  double index = 0;
  switch (mode) {
    case Nearest::round_prefer_floor:
      index = std::ceil(source - 0.5);
      break;
    case Nearest::round_prefer_ceil:
      index = std::floor(source + 0.5);
      break;
    case Nearest::floor:
      index = std::floor(source);
      break;
    case Nearest::ceil:
      index = std::ceil(source);
      break;
  }
  return static_cast<std::int64_t>(std::clamp(index, 0.0, static_cast<double>(in - 1)));
}

// value = x[low] * (1 - fraction) + x[high] * fraction
struct Between {
  std::int64_t low, high;
  double fraction;
};
inline Between linear_indices(double source, std::int64_t in) {
  const double inside = std::clamp(source, 0.0, static_cast<double>(in - 1));
  const auto low = static_cast<std::int64_t>(inside);
  return {low, std::min(low + 1, in - 1), inside - static_cast<double>(low)};
}

}  // namespace octet::kernels::fp32
