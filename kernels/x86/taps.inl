// SPDX-License-Identifier: Apache-2.0
// Channel-wise sums of taps: vpdpbusd adds four bytes of each 32-bit element, so four taps are
// interleaved byte by byte, and kBytes channels become four slots of accumulators. Unpacking works within 128-bit lanes
// and is undone by the packing of epilogue.inl (LaneOrder), so nothing is ever put in order by extra shuffles.

namespace {

constexpr size_t kWideSlots = 4;  // of a block of channels

template <int kSlots>
struct Slots {
  Ints v[kSlots];
};

template <int kSlots>
OCTET_INLINE Ints load_channels(const void* p) {
  static_assert(kSlots == 4, "a whole vector");
  return load(p);
}

template <int kSlots>
OCTET_INLINE void store_channels(uint8_t* out, Ints codes, Part part) {
  static_assert(kSlots == 4, "a whole vector");
  store_part(out, codes, part);
}

template <int kSlots>
OCTET_INLINE Ints load_tap_weights(const int8_t* p) {
  return load_channels<kSlots>(p);
}

// Four taps of every channel, or as many as kTaps says and anything else: their weights are 0.
template <int kSlots>
using Taps = Slots<kSlots>;

template <int kSlots, int kTaps = 4>
OCTET_INLINE Taps<kSlots> interleave(Ints t0, Ints t1, Ints t2, Ints t3) {
  const Ints low01 = unpack_low_bytes(t0, t1), low23 = unpack_low_bytes(t2, t3);
  Taps<kSlots> out;
  out.v[0] = unpack_low_words(low01, low23);
  out.v[1] = unpack_high_words(low01, low23);
  const Ints high01 = unpack_high_bytes(t0, t1), high23 = unpack_high_bytes(t2, t3);
  out.v[2] = unpack_low_words(high01, high23);
  out.v[3] = unpack_high_words(high01, high23);
  return out;
}

template <int kSlots, int kTaps = 4>
OCTET_INLINE void add_dot(Slots<kSlots>& acc, const Taps<kSlots>& codes, const Taps<kSlots>& weights) {
  OCTET_UNROLL
  for (int s = 0; s < kSlots; ++s) acc.v[s] = dot(acc.v[s], codes.v[s], weights.v[s]);
}

}  // namespace
