// SPDX-License-Identifier: Apache-2.0
// An operator that only moves elements: a list of strided copies whose targets do not overlap.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <vector>

#include "kernels/op.h"
#include "kernels/strided_copy.h"
#include "kernels/table.h"

namespace octet::kernels {

struct CopyStep {
  static constexpr int kFill = -1;
  StridedCopy copy;
  int input = 0;  // or kFill: the source is `fill`
  int output = 0;
  std::optional<Table> table = {};                // where the codes' parameters change
  alignas(8) std::array<std::byte, 8> fill = {};  // one element
};

PreparedOp make_copy(const OpContext& ctx, std::vector<CopyStep> steps);

// The axes that walk a tensor of `size` elements per axis, in row-major order over `in` and `out`
// shapes of the same rank: a box of it if `size` is smaller.
std::vector<Axis<2>> box_axes(const Shape& size, const Shape& in, const Shape& out);

}  // namespace octet::kernels
