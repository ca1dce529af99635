// SPDX-License-Identifier: Apache-2.0
// What PyTorch's fused fake-quantization chooses, in double as there:
//
//   symmetric, values of both signs: h = (quant_max - quant_min) / 2 rounded down (127),
//     M = max(-min / (h+1), max / h), range [-(h+1) M, h M], zero point the middle code
//   symmetric, one sign: as affine
//   affine: scale = (max - min) / (quant_max - quant_min), the zero point from whichever end of the
//     range gives the smaller rounding error
#include <algorithm>
#include <cmath>

#include "graph/quantize/qparams.h"

namespace octet::graph {
namespace {

constexpr float kSmallestScale = 6.1e-5F;  // near the smallest normal binary16

}  // namespace

Quant choose_fused_qparams(Range range, const QuantSpec& spec) {
  const CodeBounds bounds = spec.bounds();
  const double lowest = bounds.min, highest = bounds.max;
  const bool balanced = spec.scheme == Scheme::symmetric && range.min < 0 && range.max > 0;
  double min = range.min, max = range.max;
  if (balanced) {
    const int half = (bounds.max - bounds.min) / 2;
    const double step = std::max(-min / (half + 1), max / half);
    min = -step * (half + 1);
    max = step * half;
  }
  min = std::min(min, 0.0);
  max = std::max(max, 0.0);
  double scale = static_cast<float>((max - min) / (highest - lowest));
  if (scale == 0 || std::isinf(1.0F / static_cast<float>(scale))) scale = 0.1F;
  const double smallest = std::max(kSmallestScale, spec.eps);
  if (scale < smallest) {
    min *= smallest / scale;
    max *= smallest / scale;
    scale = smallest;
  }
  const double from_min = lowest - min / scale, from_max = highest - max / scale;
  const bool min_is_better = std::abs(lowest) + std::abs(min / scale) < std::abs(highest) + std::abs(max / scale);
  double zero_point = min_is_better ? from_min : from_max;
  if (balanced) zero_point = (lowest + highest) / 2;
  zero_point = std::nearbyint(std::clamp(zero_point, lowest, highest));
  return {{static_cast<float>(scale)}, {static_cast<std::int32_t>(zero_point)}, -1};
}

}  // namespace octet::graph
