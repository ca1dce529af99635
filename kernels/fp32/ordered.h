// SPDX-License-Identifier: Apache-2.0
// THE order of every float sum in octet, the same bits on every CPU (docs/arithmetic.md, "islands"):
//
//   lane[0..15] = +0;  element i is added to lane[i % 16], in order of i;  a product is rounded first
//   lane[j] += lane[j+8] (j < 8);  then j+4, j+2, j+1;  the sum is lane[0]
//
// 16 independent lanes fill the widest vector registers in use, and narrower ones in several pieces,
// without changing a bit. A lane is never -0 (+0 plus anything is not), so a lane that got no element
// can be left out of the folding: x + (+0) is x.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>

namespace octet::kernels::fp32 {

inline constexpr int kLanes = 16;

inline float fold_lanes(float* lanes) {
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int j = 0; j < half; ++j) lanes[j] += lanes[j + half];
  }
  return lanes[0];
}

// Four lanes in one register, on every target: compilers lower this type to what the CPU has. With
// plain arrays g++ 12 keeps the sums in memory, at two thirds of the speed.
using Quad = float __attribute__((vector_size(16)));
inline Quad load_quad(const float* from) {
  Quad quad;
  std::memcpy(&quad, from, sizeof quad);
  return quad;
}

// out[r] = sum over i < n of a[i] * b[r*stride + i]
template <int kRows>
inline void ordered_dots(const float* a, const float* b, std::int64_t stride, std::int64_t n, float* out) {
  constexpr int kQuads = kLanes / 4;
  Quad sums[kRows][kQuads] = {};
  const std::int64_t whole = n - n % kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (int q = 0; q < kQuads; ++q) {
      const Quad x = load_quad(a + i + 4 * q);
      for (int r = 0; r < kRows; ++r) sums[r][q] += x * load_quad(b + r * stride + i + 4 * q);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    float lanes[kLanes];
    std::memcpy(lanes, sums[r], sizeof lanes);
    for (std::int64_t i = whole; i < n; ++i) lanes[i - whole] += a[i] * b[r * stride + i];
    out[r] = fold_lanes(lanes);
  }
}

// finish(i, j, a[i] . b[j]) for i < rows, j < columns; b is (columns, stride). Two columns at a time:
// their eight quads of sums, the row and the products just fit the 16 registers of baseline x86.
template <class Finish>
inline void ordered_tile(const float* const* a, std::int64_t rows, const float* b, std::int64_t stride,
                         std::int64_t columns, std::int64_t n, const Finish& finish) {
  float sums[2];
  std::int64_t j = 0;
  for (; j + 2 <= columns; j += 2) {
    for (std::int64_t i = 0; i < rows; ++i) {
      ordered_dots<2>(a[i], b + j * stride, stride, n, sums);
      finish(i, j, sums[0]);
      finish(i, j + 1, sums[1]);
    }
  }
  for (; j < columns; ++j) {
    for (std::int64_t i = 0; i < rows; ++i) {
      ordered_dots<1>(a[i], b + j * stride, stride, n, sums);
      finish(i, j, sums[0]);
    }
  }
}

inline float ordered_sum(const float* x, std::int64_t n) {
  float lanes[kLanes] = {};
  const std::int64_t whole = n - n % kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] += x[i + j];
  }
  for (std::int64_t i = whole; i < n; ++i) lanes[i - whole] += x[i];
  return fold_lanes(lanes);
}

// Up to kWidth sums side by side, one element of each per call: for reductions over an axis that is
// not the innermost. The same order as above, in each column.
class OrderedColumns {
 public:
  static constexpr std::int64_t kWidth = 16;

  explicit OrderedColumns(std::int64_t width) : width_(width) {}

  std::int64_t width() const { return width_; }

  void add(const float* x) {  // (width)
    push([x](std::int64_t c) { return x[c]; });
  }
  void add_product(const float* x, const float* y) {  // (width) each
    push([x, y](std::int64_t c) { return x[c] * y[c]; });
  }
  // The sums (width); valid until the next call.
  const float* fold() {
    if (count_ == 0) std::fill_n(lanes_[0], width_, 0.0F);
    std::int64_t used = std::min<std::int64_t>(count_, kLanes);
    for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
      for (std::int64_t j = 0; j + half < used; ++j) {
        for (std::int64_t c = 0; c < width_; ++c) lanes_[j][c] += lanes_[j + half][c];
      }
      used = std::min(used, half);
    }
    return lanes_[0];
  }

 private:
  template <class Element>
  void push(const Element& element) {
    float* lane = lanes_[count_ % kLanes];
    if (count_ < kLanes) {
      for (std::int64_t c = 0; c < width_; ++c) lane[c] = 0.0F + element(c);  // +0 first: -0 becomes +0
    } else {
      for (std::int64_t c = 0; c < width_; ++c) lane[c] += element(c);
    }
    ++count_;
  }

  float lanes_[kLanes][kWidth];  // a row is written when its first element comes
  std::int64_t width_;
  std::int64_t count_ = 0;
};

}  // namespace octet::kernels::fp32
