// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>
#include <string.h>

#include "kernels/i8mm/i8mm.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/arm/vector.inl"
#include "kernels/arm/epilogue.inl"
#include "kernels/arm/gemm.inl"
// clang-format on

namespace {

enum : size_t { kWidth = 16 };  // of a tile in memory

// Eight k of two rows.
OCTET_INLINE int8x16_t load_pair(const uint8_t* first, const uint8_t* second) {
  const int64x1_t low = vreinterpret_s64_s8(load_half(first));
  return vreinterpretq_s8_s64(vld1q_lane_s64(reinterpret_cast<const int64_t*>(second), vcombine_s64(low, low), 1));
}

// kPairs pairs of rows by kTwos pairs of columns: smmla multiplies two rows of eight k by two columns
// of eight, so an accumulator is a square of four sums. Of an odd row there is no second, and its
// codes are multiplied twice.
template <int kPairs, int kTwos>
void multiply_tile(const GemmArgs& args, size_t first, size_t n_rows, int32_t* tile) {
  int32x4_t acc[kPairs][kTwos];
  OCTET_UNROLL
  for (int i = 0; i < kPairs; ++i) {
    OCTET_UNROLL
    for (int j = 0; j < kTwos; ++j) acc[i][j] = vdupq_n_s32(0);
  }
  const size_t taps = args.taps, kc = args.kc;
  const int8_t* weights = static_cast<const int8_t*>(args.weights);
  for (size_t t = 0; t < taps; ++t) {
    const uint8_t* row[2 * kPairs];
    OCTET_UNROLL
    for (size_t i = 0; i < 2 * kPairs; ++i) {
      row[i] = args.rows[(first + (i < n_rows ? i : n_rows - 1)) * taps + t];
    }
    for (size_t k = 0; k < kc; k += 8, weights += kTwos * kBytes) {
      int8x16_t a[kPairs];
      OCTET_UNROLL
      for (int i = 0; i < kPairs; ++i) a[i] = load_pair(row[2 * i] + k, row[2 * i + 1] + k);
      OCTET_UNROLL
      for (int j = 0; j < kTwos; ++j) {
        if (j % 2 == 0) OCTET_LOADS_STAY;
        const int8x16_t b = vld1q_s8(weights + kBytes * static_cast<size_t>(j));
        OCTET_UNROLL
        for (int i = 0; i < kPairs; ++i) acc[i][j] = vmmlaq_s32(acc[i][j], a[i], b);
      }
    }
  }
  OCTET_UNROLL
  for (int i = 0; i < kPairs; ++i) {
    int32_t* const low = tile + 2 * kWidth * static_cast<size_t>(i);
    OCTET_UNROLL
    for (int j = 0; j < kTwos; j += 2) {
      const int64x2_t left = vreinterpretq_s64_s32(acc[i][j]), right = vreinterpretq_s64_s32(acc[i][j + 1]);
      vst1q_s32(low + 2 * j, vreinterpretq_s32_s64(vzip1q_s64(left, right)));
      vst1q_s32(low + kWidth + 2 * j, vreinterpretq_s32_s64(vzip2q_s64(left, right)));
    }
  }
}

struct Product {
  enum : size_t { kRows = 6, kColumns = kWidth, kStep = 2 };

  template <int kPairs = kRows / 2>
  static void multiply(const GemmArgs& args, size_t first, size_t n_rows, int32_t* tile) {
    if constexpr (kPairs > 1) {
      if (n_rows <= 2 * (kPairs - 1)) return multiply<kPairs - 1>(args, first, n_rows, tile);
    }
    if (args.n > 8) return multiply_tile<kPairs, 8>(args, first, n_rows, tile);
    multiply_tile<kPairs, 4>(args, first, n_rows, tile);
  }
};

}  // namespace

void gemm(const GemmArgs& args) { run_product<Product>(args); }

}  // namespace octet::kernels::OCTET_BACKEND_NS
