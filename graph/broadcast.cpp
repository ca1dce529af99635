// SPDX-License-Identifier: Apache-2.0
#include "graph/broadcast.h"

#include <algorithm>

namespace octet::graph {
namespace {

// Size of axis `axis` counted from the last one, 1 beyond the first.
std::int64_t from_back(const Shape& shape, int axis) {
  return axis < shape.rank() ? shape[shape.rank() - 1 - axis] : 1;
}

}  // namespace

std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape result;
  for (int axis = std::max(a.rank(), b.rank()) - 1; axis >= 0; --axis) {
    const std::int64_t x = from_back(a, axis), y = from_back(b, axis);
    if (x == y || y == 1) {
      result.push_back(x);
    } else if (x == 1 || x < 0) {
      result.push_back(y);
    } else if (y < 0) {
      result.push_back(x);
    } else {
      return std::nullopt;
    }
  }
  return result;
}

std::array<std::int64_t, Shape::kMaxRank> broadcast_strides(const Shape& from, const Shape& to) {
  std::array<std::int64_t, Shape::kMaxRank> strides{};
  std::int64_t stride = 1;
  for (int axis = 0; axis < from.rank(); ++axis) {
    const std::int64_t size = from_back(from, axis);
    if (size != 1) strides[static_cast<std::size_t>(to.rank() - 1 - axis)] = stride;
    stride *= size;
  }
  return strides;
}

}  // namespace octet::graph
