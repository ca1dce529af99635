// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/avx2/avx2.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/x86/vector256.inl"
#include "kernels/avx2/dot.inl"
#include "kernels/x86/slots.inl"
#include "kernels/x86/guarded_fixed.inl"
#include "kernels/x86/epilogue.inl"
#include "kernels/x86/elementwise.inl"
// clang-format on

// vpshufb looks up one of 16 bytes, and gives 0 where the index is negative. Sixteen codes further
// down the table, the index is 16 less: so each step's bytes are stored as the difference (xor) to
// the step before, and stop counting where the index has become negative. Codes from 128 up do the
// same in the table's upper half.
void lookup(const uint8_t* table, const uint8_t* in, uint8_t* out, size_t n) {
  alignas(32) Ints steps[2][8];
  for (size_t half = 0; half < 2; ++half) {
    __m128i before = _mm_setzero_si128();
    for (size_t i = 0; i < 8; ++i) {
      const __m128i here = load_16(table + 128 * half + 16 * i, 16);
      steps[half][i] = _mm256_broadcastsi128_si256(_mm_xor_si128(here, before));
      before = here;
    }
  }
  const Ints sixteen = spread_byte(16), top = spread_byte(-128);
  for (size_t i = 0; i < n; i += kBytes) {
    const Part part = first_bytes(n - i);
    Ints low = load_part(in + i, part), high = _mm256_xor_si256(low, top), sum = zero();
    OCTET_UNROLL
    for (int s = 0; s < 8; ++s) {
      sum = _mm256_xor_si256(
          sum, _mm256_xor_si256(_mm256_shuffle_epi8(steps[0][s], low), _mm256_shuffle_epi8(steps[1][s], high)));
      low = _mm256_subs_epi8(low, sixteen);
      high = _mm256_subs_epi8(high, sixteen);
    }
    store_part(out + i, sum, part);
  }
}

}  // namespace octet::kernels::OCTET_BACKEND_NS
