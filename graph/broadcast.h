// SPDX-License-Identifier: Apache-2.0
// NumPy's broadcasting: shapes are aligned at their last axis, and an axis of size 1 repeats.
#pragma once

#include <octet/tensor.h>

#include <array>
#include <optional>

namespace octet::graph {

// The common shape, or nothing if two sizes differ and neither is 1. An unknown size beside a known
// one above 1 becomes that one; beside 1 or another unknown it stays unknown.
std::optional<Shape> broadcast(const Shape& a, const Shape& b);

// Elements from one index of each of `to`'s axes to the next in a dense tensor of shape `from`; 0 along
// repeated axes. Both shapes known and `from` broadcasts to `to`.
std::array<std::int64_t, Shape::kMaxRank> broadcast_strides(const Shape& from, const Shape& to);

// Calls visit(i, offset_a, offset_b) for every element i of `shape` in row-major order.
template <class Visit>
void for_each_broadcast(const Shape& shape, const Shape& a, const Shape& b, Visit visit) {
  const auto stride_a = broadcast_strides(a, shape), stride_b = broadcast_strides(b, shape);
  std::array<std::int64_t, Shape::kMaxRank> index{};
  std::int64_t offset_a = 0, offset_b = 0;
  const std::int64_t count = shape.count();
  for (std::int64_t i = 0; i < count; ++i) {
    visit(i, offset_a, offset_b);
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const auto at = static_cast<std::size_t>(axis);
      offset_a += stride_a[at];
      offset_b += stride_b[at];
      if (++index[at] < shape[axis]) break;
      offset_a -= stride_a[at] * shape[axis];
      offset_b -= stride_b[at] * shape[axis];
      index[at] = 0;
    }
  }
}

}  // namespace octet::graph
