// SPDX-License-Identifier: Apache-2.0
// numpy's broadcasting of two operands, as runs in which each of them is contiguous or one element.
#pragma once

#include <octet/tensor.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "kernels/odometer.h"

namespace octet::kernels {

// Whether `shape`, aligned to the right, repeats to `out`.
inline bool broadcasts_to(const Shape& shape, const Shape& out) {
  if (shape.rank() > out.rank()) return false;
  for (int i = 1; i <= shape.rank(); ++i) {
    if (shape[shape.rank() - i] != 1 && shape[shape.rank() - i] != out[out.rank() - i]) return false;
  }
  return true;
}

class Broadcast {
 public:
  // Both shapes broadcast to `out`.
  Broadcast(const Shape& a, const Shape& b, const Shape& out) {
    std::vector<Axis<2>> axes;
    for (int i = 0; i < out.rank(); ++i) axes.push_back({out[i], {stride(a, out, i), stride(b, out, i)}});
    axes = collapse<2>(axes);
    if (!axes.empty()) {
      run_ = axes.back();
      axes.pop_back();
    }
    outer_ = Odometer<2>(axes);
  }

  // Covers the outputs [first, last), which may start and end within a run:
  //   row(a_offset, a_step, b_offset, b_step, out_offset, n), steps 0 or 1
  template <class Row>
  void for_rows(std::int64_t first, std::int64_t last, const Row& row) const {
    if (first >= last) return;
    Odometer<2> outer = outer_;
    outer.seek(first / run_.size);
    for (std::int64_t within = first % run_.size; first < last; outer.next(), within = 0) {
      const std::int64_t n = std::min(run_.size - within, last - first);
      row(outer.offset(0) + within * run_.stride[0], run_.stride[0], outer.offset(1) + within * run_.stride[1],
          run_.stride[1], first, n);
      first += n;
    }
  }

 private:
  static std::int64_t stride(const Shape& shape, const Shape& out, int axis) {
    const int own = axis - (out.rank() - shape.rank());
    return own < 0 || shape[own] == 1 ? 0 : shape.count(own + 1, shape.rank());
  }

  Odometer<2> outer_;
  Axis<2> run_;
};

}  // namespace octet::kernels
