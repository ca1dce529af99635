// SPDX-License-Identifier: Apache-2.0
// What Conv2d and ConvTranspose2d have in common: everything but the table of taps and the layout in
// which their weights come.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/attrs.h"
#include "kernels/fp32/taps.h"
#include "kernels/op.h"

namespace octet::kernels::fp32 {

struct Convolution {
  AxisTaps rows, columns;
  std::int64_t kernel_h, kernel_w, groups;
  std::int64_t in_per_group, out_per_group;
  std::vector<float> weights;  // (out, kh, kw, in/groups)
  graph::Clamp clamp;
};

// The sum of one output value runs over the taps inside the image as one sequence: window row, window
// column, input channel. Taps in the padding are not elements of it. The bias is added to the sum.
Result<PreparedOp> prepare_convolution(const OpContext& context, Convolution convolution);

// The weights are constants with the four sizes that the op says (the caller's order).
Status check_weights(const OpContext& context, const Shape& expected);

}  // namespace octet::kernels::fp32
