// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/avx512vnni/avx512vnni.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/avx512vnni/vector.inl"
#include "kernels/x86/slots.inl"
#include "kernels/x86/guarded_fixed.inl"
#include "kernels/x86/epilogue.inl"
#include "kernels/x86/elementwise.inl"
// clang-format on

// vpermi2w looks up one of 64 words; the 128 words of the table are two such lookups, chosen by the
// code's top bit, and its lowest bit says which byte of the word it is. (VBMI would be shorter, but
// Cascade Lake lacks it.)
void lookup(const uint8_t* table, const uint8_t* in, uint8_t* out, size_t n) {
  Ints quarter[4];
  for (int i = 0; i < 4; ++i) quarter[i] = _mm512_loadu_si512(table + 64 * i);
  const __m512i byte = _mm512_set1_epi16(0xFF), top = _mm512_set1_epi16(0x80), one = _mm512_set1_epi16(1);
  const auto look = [&](__m512i code) __attribute__((always_inline)) {  // in the low byte of each word
    const __m512i index = _mm512_srli_epi16(code, 1);
    const __m512i low = _mm512_permutex2var_epi16(quarter[0], index, quarter[1]);
    const __m512i high = _mm512_permutex2var_epi16(quarter[2], index, quarter[3]);
    const __m512i word = _mm512_mask_mov_epi16(low, _mm512_test_epi16_mask(code, top), high);
    return _mm512_mask_srli_epi16(word, _mm512_test_epi16_mask(code, one), word, 8);
  };
  for (size_t i = 0; i < n; i += 64) {
    const Part part = first_bytes(n - i);
    const __m512i codes = load_part(in + i, part);
    const __m512i even = look(_mm512_and_si512(codes, byte)), odd = look(_mm512_srli_epi16(codes, 8));
    const __m512i both = _mm512_or_si512(_mm512_and_si512(even, byte), _mm512_slli_epi16(odd, 8));
    store_part(out + i, both, part);
  }
}

}  // namespace octet::kernels::OCTET_BACKEND_NS
