// SPDX-License-Identifier: Apache-2.0
// The dot products: vpdpbusd and vpdpwssd in VEX encoding, or in EVEX where this text is compiled
// for AVX-512 VNNI (backend avx512vnni256). Needs vector256.inl.

namespace {

enum : int { kAccumulators = 12 };  // of a GEMM tile: 12, 2 weights and a broadcast fit 16 registers

#ifdef __AVX512VNNI__
OCTET_INLINE Ints dot(Ints acc, Ints codes, Ints weights) { return _mm256_dpbusd_epi32(acc, codes, weights); }
OCTET_INLINE Ints dot_words(Ints acc, Ints a, Ints b) { return _mm256_dpwssd_epi32(acc, a, b); }
#else
OCTET_INLINE Ints dot(Ints acc, Ints codes, Ints weights) { return _mm256_dpbusd_avx_epi32(acc, codes, weights); }
OCTET_INLINE Ints dot_words(Ints acc, Ints a, Ints b) { return _mm256_dpwssd_avx_epi32(acc, a, b); }
#endif

}  // namespace
