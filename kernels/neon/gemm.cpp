// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>
#include <string.h>

#include "kernels/neon/neon.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/arm/vector.inl"
#include "kernels/arm/epilogue.inl"
#include "kernels/arm/gemm.inl"
// clang-format on

namespace {

// acc += 16 products. Two of them fit a word unless both weights are -128, and even then if summed
// one by one (kernels/saturation.h).
template <bool kExact>
OCTET_INLINE int32x4_t add_products(int32x4_t acc, int8x16_t a, int8x16_t b) {
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
  if constexpr (kExact) return vpadalq_s16(vpadalq_s16(acc, low), vmull_high_s8(a, b));
  return vpadalq_s16(acc, vmlal_high_s8(low, a, b));
}

// kRows rows by four columns. Each of the 16 accumulators holds four parts of one sum: three
// instructions per 16 products. (Four columns by lane would take 16-bit operands, and four per 16.)
template <bool kExact, int kRows>
void multiply_tile(const GemmArgs& args, size_t first, size_t column, int32_t* tile) {
  constexpr size_t kColumns = 4, kWidth = 8;  // of this, of the block
  int32x4_t acc[kRows][kColumns];
  OCTET_UNROLL
  for (int i = 0; i < kRows; ++i) {
    OCTET_UNROLL
    for (size_t j = 0; j < kColumns; ++j) acc[i][j] = vdupq_n_s32(0);
  }
  const size_t taps = args.taps, kc = args.kc;
  const int8_t* weights = static_cast<const int8_t*>(args.weights) + column * kBytes;
  for (size_t t = 0; t < taps; ++t) {
    const uint8_t* row[kRows];
    OCTET_UNROLL
    for (int i = 0; i < kRows; ++i) row[i] = args.rows[(first + static_cast<size_t>(i)) * taps + t];
    for (size_t k = 0; k < kc; k += kBytes, weights += kWidth * kBytes) {
      int8x16_t a[kRows];
      OCTET_UNROLL
      for (int i = 0; i < kRows; ++i) a[i] = load(row[i] + k);
      OCTET_UNROLL
      for (size_t j = 0; j < kColumns; ++j) {
        OCTET_LOADS_STAY;
        const int8x16_t b = vld1q_s8(weights + kBytes * j);
        OCTET_UNROLL
        for (int i = 0; i < kRows; ++i) acc[i][j] = add_products<kExact>(acc[i][j], a[i], b);
      }
    }
  }
  OCTET_UNROLL
  for (int i = 0; i < kRows; ++i) {
    const int32x4_t low = vpaddq_s32(acc[i][0], acc[i][1]), high = vpaddq_s32(acc[i][2], acc[i][3]);
    vst1q_s32(tile + static_cast<size_t>(i) * kWidth + column, vpaddq_s32(low, high));
  }
}

template <bool kExact>
struct Product {
  enum : size_t { kRows = 4, kColumns = 8, kStep = 1 };

  template <int kNow = kRows>
  static void multiply(const GemmArgs& args, size_t first, size_t n_rows, int32_t* tile) {
    if constexpr (kNow > 1) {
      if (n_rows != kNow) return multiply<kNow - 1>(args, first, n_rows, tile);
    }
    multiply_tile<kExact, kNow>(args, first, 0, tile);
    if (args.n > 4) multiply_tile<kExact, kNow>(args, first, 4, tile);
  }
};

}  // namespace

void gemm(const GemmArgs& args) { run_product<Product<false>>(args); }
void gemm_exact(const GemmArgs& args) { run_product<Product<true>>(args); }

}  // namespace octet::kernels::OCTET_BACKEND_NS
