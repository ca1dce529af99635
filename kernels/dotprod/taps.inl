// SPDX-License-Identifier: Apache-2.0
// Channel-wise products as kernels/arm/depthwise.inl wants them: three or four taps of a channel side
// by side, for sdot. Needs vector.inl.
//
// Transposing pairs of bytes separates even channels from odd ones, which costs nothing, and lets a
// third tap do without a partner: its bytes 2j and 2j+1 stand together already. Both go to channels
// 2j and 2j+1, where one of them has a weight of 0:
//   channel 2j: t0[2j] t1[2j] t2[2j] (t2[2j+1])      channel 2j+1: t0[2j+1] t1[2j+1] (t2[2j]) t2[2j+1]

namespace {

enum : size_t { kTogether = 4 };

// Of even channels in v[0] and v[1], of odd ones in v[2] and v[3].
struct Sums {
  int32x4_t v[4];
};

OCTET_INLINE size_t channel_of(size_t i) { return i < 8 ? 2 * i : 2 * (i - 8) + 1; }
OCTET_INLINE int8x16_t row_of(int8x8_t even, int8x8_t odd) {
  return vzip1q_s8(vcombine_s8(even, vdup_n_s8(0)), vcombine_s8(odd, vdup_n_s8(0)));
}

// Of the same channels as the sums.
template <int kTaps>
struct Taps {
  static_assert(kTaps == 3 || kTaps == 4);
  int8x16_t v[4];
};

template <int kTaps, class At>
OCTET_INLINE Taps<kTaps> gather(At at) {
  const int8x16_t t0 = at(0), t1 = at(1), t2 = at(2);
  int16x8_t even = vreinterpretq_s16_s8(t2), odd = even;
  if constexpr (kTaps == 4) {
    const int8x16_t t3 = at(3);
    even = vreinterpretq_s16_s8(vtrn1q_s8(t2, t3));
    odd = vreinterpretq_s16_s8(vtrn2q_s8(t2, t3));
  }
  const int16x8_t first_even = vreinterpretq_s16_s8(vtrn1q_s8(t0, t1));
  const int16x8_t first_odd = vreinterpretq_s16_s8(vtrn2q_s8(t0, t1));
  const auto bytes = [](int16x8_t v) { return vreinterpretq_s8_s16(v); };
  return {{bytes(vzip1q_s16(first_even, even)), bytes(vzip2q_s16(first_even, even)), bytes(vzip1q_s16(first_odd, odd)),
           bytes(vzip2q_s16(first_odd, odd))}};
}

template <int kTaps, class At>
OCTET_INLINE Taps<kTaps> gather_weights(At at) {
  Taps<kTaps> taps = gather<kTaps>(at);
  if constexpr (kTaps == 3) {
    const int8x16_t even = vreinterpretq_s8_u32(vdupq_n_u32(0x00FFFFFF));
    const int8x16_t odd = vreinterpretq_s8_u32(vdupq_n_u32(0xFF00FFFF));
    for (int s = 0; s < 4; ++s) taps.v[s] = vandq_s8(taps.v[s], s < 2 ? even : odd);
  }
  return taps;
}

template <int kTaps, bool kSafe>
OCTET_INLINE void add_products(Sums& sums, const Taps<kTaps>& codes, const Taps<kTaps>& weights) {
  OCTET_UNROLL
  for (int s = 0; s < 4; ++s) sums.v[s] = vdotq_s32(sums.v[s], codes.v[s], weights.v[s]);
}

// Nothing is added in words.
template <class ABlock>
constexpr bool pairs_are_safe(const ABlock&) {
  return true;
}

}  // namespace
