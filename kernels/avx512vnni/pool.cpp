// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>

#include "kernels/avx512vnni/avx512vnni.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/avx512vnni/vector.inl"
#include "kernels/x86/slots.inl"
#include "kernels/x86/guarded_fixed.inl"
#include "kernels/x86/epilogue.inl"
#include "kernels/x86/taps.inl"
// clang-format on

namespace {

// kVectors * 64 channels at a time, so that a list of many taps is not walked for every 64.
template <int kVectors>
OCTET_INLINE void max_channels(const uint8_t* const* taps, size_t n_taps, size_t c, Part last, uint8_t* out) {
  __m512i best[kVectors];
  for (int v = 0; v < kVectors; ++v) best[v] = _mm512_loadu_si512(taps[0] + c + 64 * v);
  for (size_t t = 1; t < n_taps; ++t) {
    for (int v = 0; v < kVectors; ++v) best[v] = _mm512_max_epu8(best[v], _mm512_loadu_si512(taps[t] + c + 64 * v));
  }
  for (int v = 0; v < kVectors; ++v) {
    store_part(out + c + 64 * v, best[v], v + 1 < kVectors ? first_bytes(64) : last);
  }
}

}  // namespace

void max_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, uint8_t* out) {
  size_t c = 0;
  for (; c + 256 <= channels; c += 256) max_channels<4>(taps, n_taps, c, first_bytes(64), out);
  for (; c < channels; c += 64) max_channels<1>(taps, n_taps, c, first_bytes(channels - c), out);
}

// A sum of taps is a dot product with ones.
void avg_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, const Requant& requant, uint8_t* out) {
  const Requantizer<OneEntry> requantizer(requant, 0);
  for (size_t c = 0; c < channels; c += 64) {
    __m512i acc[4];
    for (int s = 0; s < 4; ++s) acc[s] = _mm512_set1_epi32(requant.bias[0]);
    for (size_t t = 0; t < n_taps; t += 4) {
      const size_t some = n_taps - t < 4 ? n_taps - t : 4;
      const auto tap = [&](size_t i) { return _mm512_loadu_si512(taps[t + (i < some ? i : 0)] + c); };
      const __m512i ones = _mm512_set1_epi32(0x01010101 >> (8 * (4 - some)));
      const Slots<4> four = interleave<4>(tap(0), tap(1), tap(2), tap(3));
      for (int s = 0; s < 4; ++s) acc[s] = _mm512_dpbusd_epi32(acc[s], four.v[s], ones);
    }
    const Words words = requantizer.fixed() ? requantizer.words<true>(acc) : requantizer.words<false>(acc);
    store_channels<4>(out + c, requantizer.bytes(words), first_bytes(channels - c));
  }
}

}  // namespace octet::kernels::OCTET_BACKEND_NS
