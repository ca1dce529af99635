// SPDX-License-Identifier: Apache-2.0
// Channel-wise sums of taps: vpdpbusd adds four bytes of each 32-bit element, so four taps are
// interleaved byte by byte and four slots of 16 channels come from 64 (or two from 32). Unpacking
// works within 128-bit lanes and is undone by the packing of epilogue.inl (LaneOrder), so nothing
// is ever put in order by extra shuffles.

namespace {

// 16 * kSlots channels. 32 channels spread over the low halves of the four lanes, so that two of
// the four slots hold them all.
template <int kSlots>
OCTET_INLINE __m512i load_channels(const void* p) {
  if constexpr (kSlots == 4) return _mm512_loadu_si512(p);
  const __m512i order = _mm512_setr_epi64(0, 0, 1, 1, 2, 2, 3, 3);
  return _mm512_permutexvar_epi64(order, _mm512_castsi256_si512(_mm256_loadu_si256(static_cast<const __m256i*>(p))));
}

template <int kSlots>
struct Slots {
  __m512i v[kSlots];
};

template <int kSlots>
OCTET_INLINE Slots<kSlots> interleave(__m512i t0, __m512i t1, __m512i t2, __m512i t3) {
  const __m512i low01 = _mm512_unpacklo_epi8(t0, t1), low23 = _mm512_unpacklo_epi8(t2, t3);
  Slots<kSlots> out;
  out.v[0] = _mm512_unpacklo_epi16(low01, low23);
  out.v[1] = _mm512_unpackhi_epi16(low01, low23);
  if constexpr (kSlots == 4) {
    const __m512i high01 = _mm512_unpackhi_epi8(t0, t1), high23 = _mm512_unpackhi_epi8(t2, t3);
    out.v[2] = _mm512_unpacklo_epi16(high01, high23);
    out.v[3] = _mm512_unpackhi_epi16(high01, high23);
  }
  return out;
}

// Codes of 16 * kSlots channels, of which the first n exist.
template <int kSlots>
OCTET_INLINE void store_channels(uint8_t* out, __m512i bytes, uint64_t mask) {
  if constexpr (kSlots == 4) {
    _mm512_mask_storeu_epi8(out, mask, bytes);
  } else {
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 0, 2, 4, 6);
    _mm256_mask_storeu_epi8(out, static_cast<__mmask32>(mask),
                            _mm512_castsi512_si256(_mm512_permutexvar_epi64(order, bytes)));
  }
}

}  // namespace
