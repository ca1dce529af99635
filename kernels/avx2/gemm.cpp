// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/avx2/avx2.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/x86/vector256.inl"
#include "kernels/avx2/dot.inl"
#include "kernels/x86/epilogue.inl"
#include "kernels/x86/gemm.inl"
// clang-format on

namespace {

// Words times 16-bit weights never saturate.
struct ByWords {
  static OCTET_INLINE Ints add(Ints acc, Ints a, Ints b) { return dot_words(acc, a, b); }
};

// Rows are widened to words once per tile, a chunk at a time, into a buffer that stays in the first
// level cache. Widening within the loop instead, one broadcast at a time, costs two of its ten
// instructions per 4 codes and 16 columns; this costs a quarter of one.
struct WidenedProduct {
  static constexpr size_t kChunk = 1024;  // bytes of widened codes per row
  const GemmArgs& args;

  OCTET_INLINE const int8_t* weights() const { return static_cast<const int8_t*>(args.weights); }
  OCTET_INLINE size_t steps() const { return args.taps * ((args.kc + 1) / 2); }

  template <int kVectors>
  void multiply(size_t first, size_t rows, Ahead ahead, Ints* acc) const {
    constexpr size_t kRows = max_rows<kVectors>();
    alignas(64) uint8_t words[kRows][kChunk + kBytes];  // what is widened beyond the end is overwritten or unused
    const uint8_t* row[kRows];
    for (size_t i = 0; i < kRows; ++i) row[i] = words[i];
    Sum sum = {row, 1, 0, weights(), args.requant->bias};
    for (size_t t = 0, k = 0; t < args.taps;) {
      size_t filled = 0;
      while (t < args.taps && filled < kChunk) {
        const size_t room = (kChunk - filled) / 2, codes = args.kc - k < room ? args.kc - k : room;
        for (size_t i = 0; i < rows; ++i) widen(args.rows[(first + i) * args.taps + t] + k, codes, words[i] + filled);
        filled += (codes + 1) / 2 * 4;
        k += codes;
        if (k == args.kc) ++t, k = 0;
      }
      sum.steps = filled / 4;
      multiply_rows<ByWords, kVectors>(static_cast<int>(rows), sum, ahead, acc);
      sum.weights += sum.steps * kBytes * kVectors;
      sum.bias = nullptr;
      ahead.at += ahead.step * sum.steps;
    }
  }

 private:
  static OCTET_INLINE void widen(const uint8_t* codes, size_t n, uint8_t* words) {
    for (size_t i = 0; i < n; i += 16) {
      store_unaligned(words + 2 * i, _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(codes + i))));
    }
  }
  static OCTET_INLINE void store_unaligned(void* p, Ints v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
};

}  // namespace

void gemm_widened(const GemmArgs& args) { run_product<WidenedProduct>(args); }

}  // namespace octet::kernels::OCTET_BACKEND_NS
