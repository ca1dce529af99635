// SPDX-License-Identifier: Apache-2.0
// The dot products of AVX2: pairs of products, then sums of pairs. Needs vector256.inl.

namespace {

enum : int { kAccumulators = 8 };  // of a GEMM tile: with the ones, 2 weights, a broadcast and sums, 16 registers

// Exact only where no pair of products leaves int16 (kernels/saturation.h).
OCTET_INLINE Ints dot(Ints acc, Ints codes, Ints weights) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, weights), _mm256_set1_epi16(1)));
}
OCTET_INLINE Ints dot_words(Ints acc, Ints a, Ints b) { return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b)); }

}  // namespace
