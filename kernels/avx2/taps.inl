// SPDX-License-Identifier: Apache-2.0
// Channel-wise sums of taps as kernels/x86/depthwise.inl wants them. The taps of a window reach too
// far apart in their weights for vpmaddubsw, so everything is widened to words here: vpmaddwd adds
// two taps of each 32-bit element, and never saturates. Two slots, 16 channels, are as many as the
// registers hold for the outputs of a 3x3 window that share a column.

namespace {

constexpr size_t kWideSlots = 2;

template <int kSlots>
struct Slots {
  Ints v[kSlots];
};

// Two pairs of taps of every channel.
template <int kSlots>
struct Taps {
  Slots<kSlots> pair[2];
};

template <int kSlots>
OCTET_INLINE Ints load_channels(const uint8_t* p) {
  static_assert(kSlots == 2, "16 channels");
  return _mm256_cvtepu8_epi16(load_16(p, 16));
}

template <int kSlots>
OCTET_INLINE Ints load_tap_weights(const int8_t* p) {
  static_assert(kSlots == 2, "16 channels");
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

template <int kSlots>
OCTET_INLINE void store_channels(uint8_t* out, Ints codes, Part part) {
  store_spread(out, codes, part);
}

template <int kSlots>
OCTET_INLINE Slots<kSlots> interleave_pair(Ints t0, Ints t1) {
  return {{unpack_low_words(t0, t1), unpack_high_words(t0, t1)}};
}

template <int kSlots, int kTaps = 4>
OCTET_INLINE Taps<kSlots> interleave(Ints t0, Ints t1, Ints t2, Ints t3) {
  const Slots<kSlots> first = interleave_pair<kSlots>(t0, t1);
  return {{first, kTaps > 2 ? interleave_pair<kSlots>(t2, t3) : first}};
}

template <int kSlots, int kTaps = 4>
OCTET_INLINE void add_dot(Slots<kSlots>& acc, const Taps<kSlots>& codes, const Taps<kSlots>& weights) {
  OCTET_UNROLL
  for (int pair = 0; pair < (kTaps > 2 ? 2 : 1); ++pair) {
    OCTET_UNROLL
    for (int s = 0; s < kSlots; ++s) acc.v[s] = dot_words(acc.v[s], codes.pair[pair].v[s], weights.pair[pair].v[s]);
  }
}

}  // namespace
