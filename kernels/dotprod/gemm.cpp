// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>
#include <string.h>

#include "kernels/dotprod/dotprod.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/arm/vector.inl"
#include "kernels/arm/epilogue.inl"
#include "kernels/arm/gemm.inl"
// clang-format on

namespace {

enum : size_t { kStepBytes = 2 * kBytes };  // of weights: eight columns of four k

// Four k, which stand in lane kLane of every row's codes, times eight columns.
template <int kLane, int kRows>
OCTET_INLINE void add_step(int32x4_t (&acc)[kRows][2], const int8x16_t (&a)[kRows], const int8_t* weights) {
  const int8x16_t low = vld1q_s8(weights), high = vld1q_s8(weights + kBytes);
  OCTET_UNROLL
  for (int i = 0; i < kRows; ++i) {
    acc[i][0] = vdotq_laneq_s32(acc[i][0], low, a[i], kLane);
    acc[i][1] = vdotq_laneq_s32(acc[i][1], high, a[i], kLane);
  }
}

template <int kRows>
OCTET_INLINE void load_codes(int8x16_t (&a)[kRows], const uint8_t* const (&row)[kRows], size_t k) {
  OCTET_UNROLL
  for (int i = 0; i < kRows; ++i) a[i] = load(row[i] + k);
}

// kRows rows by eight columns: 16 accumulators, eight vectors of codes, and weights as they come.
template <int kRows>
void multiply_tile(const GemmArgs& args, size_t first, int32_t* tile) {
  int32x4_t acc[kRows][2];
  OCTET_UNROLL
  for (int i = 0; i < kRows; ++i) acc[i][0] = acc[i][1] = vdupq_n_s32(0);
  const size_t whole = args.kc / kBytes * kBytes, steps_left = (args.kc - whole + 3) / 4;
  const int8_t* weights = static_cast<const int8_t*>(args.weights);
  for (size_t t = 0; t < args.taps; ++t) {
    const uint8_t* row[kRows];
    OCTET_UNROLL
    for (int i = 0; i < kRows; ++i) row[i] = args.rows[(first + static_cast<size_t>(i)) * args.taps + t];
    int8x16_t a[kRows];
    for (size_t k = 0; k < whole; k += kBytes, weights += 4 * kStepBytes) {
      load_codes(a, row, k);
      add_step<0>(acc, a, weights);
      add_step<1>(acc, a, weights + kStepBytes);
      add_step<2>(acc, a, weights + 2 * kStepBytes);
      add_step<3>(acc, a, weights + 3 * kStepBytes);
    }
    if (steps_left == 0) continue;
    load_codes(a, row, whole);
    add_step<0>(acc, a, weights);
    if (steps_left > 1) add_step<1>(acc, a, weights + kStepBytes);
    if (steps_left > 2) add_step<2>(acc, a, weights + 2 * kStepBytes);
    if (steps_left > 3) add_step<3>(acc, a, weights + 3 * kStepBytes);
    weights += steps_left * kStepBytes;
  }
  OCTET_UNROLL
  for (int i = 0; i < kRows; ++i) store_eight(tile + 8 * i, {acc[i][0], acc[i][1]});
}

struct Product {
  enum : size_t { kRows = 8, kColumns = 8, kStep = 1 };

  template <int kNow = kRows>
  static void multiply(const GemmArgs& args, size_t first, size_t n_rows, int32_t* tile) {
    if constexpr (kNow > 1) {
      if (n_rows != kNow) return multiply<kNow - 1>(args, first, n_rows, tile);
    }
    multiply_tile<kNow>(args, first, tile);
  }
};

}  // namespace

void gemm(const GemmArgs& args) { run_product<Product>(args); }

}  // namespace octet::kernels::OCTET_BACKEND_NS
