// SPDX-License-Identifier: Apache-2.0
// What Conv2d and ConvTranspose2d have in common: everything but the table of taps and the layout in
// which their weights come.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/attrs.h"
#include "kernels/fp32/taps.h"
#include "kernels/op.h"

namespace octet::kernels::fp32 {

struct Convolution {
  AxisTaps rows, columns;
  std::int64_t kernel_h = 1, kernel_w = 1, groups = 1;
  std::int64_t in_per_group = 1, out_per_group = 1;
  std::vector<float> weights;  // (out, kh, kw, in/groups)
  graph::Clamp clamp;
};

// The sum of one output value runs over the taps inside the image as one sequence: window row, window
// column, input channel. Taps in the padding are not elements of it. The bias is added to the sum.
Result<PreparedOp> prepare_convolution(const OpContext& context, Convolution convolution);

// ONNX weights to (out, kh, kw, in/groups): plane(o, i) counts the (kh, kw) planes of `weights`.
template <class Plane>
std::vector<float> pack_by_tap(std::span<const float> weights, std::int64_t out, std::int64_t in_per_group,
                               std::int64_t taps, const Plane& plane) {
  std::vector<float> packed;
  packed.reserve(weights.size());
  for (std::int64_t o = 0; o < out; ++o) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      for (std::int64_t i = 0; i < in_per_group; ++i) {
        packed.push_back(weights[static_cast<std::size_t>(plane(o, i) * taps + tap)]);
      }
    }
  }
  return packed;
}

}  // namespace octet::kernels::fp32
