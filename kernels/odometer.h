// SPDX-License-Identifier: Apache-2.0
// Walking through up to six axes in row-major order while keeping an offset into each of N strided
// tensors: the loop nest that broadcasting, data movement and reductions share.
#pragma once

#include <octet/tensor.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace octet::kernels {

// A loop of `size` steps, each moving tensor i by stride[i] elements (0: broadcast).
template <std::size_t N>
struct Axis {
  std::int64_t size = 1;
  std::array<std::int64_t, N> stride{};
};

// Drops axes of size 1 and joins neighbours that one loop can walk, so that kernels see the longest
// possible inner runs.
template <std::size_t N>
std::vector<Axis<N>> collapse(std::span<const Axis<N>> axes) {
  std::vector<Axis<N>> joined;
  for (const Axis<N>& axis : axes) {
    if (axis.size == 1) continue;
    bool joins = !joined.empty();
    for (std::size_t i = 0; joins && i < N; ++i) joins = joined.back().stride[i] == axis.stride[i] * axis.size;
    if (joins) {
      joined.back().size *= axis.size;
      joined.back().stride = axis.stride;
    } else {
      joined.push_back(axis);
    }
  }
  return joined;
}

template <std::size_t N>
class Odometer {
 public:
  Odometer() = default;
  // Outermost axis first, at most Shape::kMaxRank of them.
  explicit Odometer(std::span<const Axis<N>> axes) {
    for (const Axis<N>& axis : axes) axes_[rank_++] = axis;
  }
  std::int64_t count() const {
    std::int64_t product = 1;
    for (std::size_t i = 0; i < rank_; ++i) product *= axes_[i].size;
    return product;
  }
  // Stands at step `position` of the walk; position < count().
  void seek(std::int64_t position) {
    offset_.fill(0);
    for (std::size_t i = rank_; i-- > 0;) {
      index_[i] = position % axes_[i].size;
      position /= axes_[i].size;
      for (std::size_t t = 0; t < N; ++t) offset_[t] += index_[i] * axes_[i].stride[t];
    }
  }
  void next() {
    for (std::size_t i = rank_; i-- > 0;) {
      for (std::size_t t = 0; t < N; ++t) offset_[t] += axes_[i].stride[t];
      if (++index_[i] < axes_[i].size) return;
      for (std::size_t t = 0; t < N; ++t) offset_[t] -= axes_[i].size * axes_[i].stride[t];
      index_[i] = 0;
    }
  }
  std::int64_t offset(std::size_t tensor) const { return offset_[tensor]; }

 private:
  std::array<Axis<N>, Shape::kMaxRank> axes_{};
  std::array<std::int64_t, Shape::kMaxRank> index_{};
  std::array<std::int64_t, N> offset_{};
  std::size_t rank_ = 0;
};

}  // namespace octet::kernels
