// SPDX-License-Identifier: Apache-2.0
// Pools over lists of taps. Needs epilogue.inl.

namespace {

// kVectors at a time, so that a list of many taps is not walked for every vector of channels.
template <size_t kVectors>
OCTET_INLINE void max_channels(const uint8_t* const* taps, size_t n_taps, size_t c, size_t channels, uint8_t* out) {
  int8x16_t best[kVectors];
  OCTET_UNROLL
  for (size_t v = 0; v < kVectors; ++v) best[v] = load(taps[0] + c + kBytes * v);
  for (size_t t = 1; t < n_taps; ++t) {
    OCTET_UNROLL
    for (size_t v = 0; v < kVectors; ++v) best[v] = vmaxq_s8(best[v], load(taps[t] + c + kBytes * v));
  }
  OCTET_UNROLL
  for (size_t v = 0; v < kVectors; ++v) store_part(out + c + kBytes * v, best[v], channels - c - kBytes * v);
}

// 16 channels, as eights.
struct Sums {
  Eight low, high;
};

// As many taps as words can sum: 255 * 128 < 2^15.
OCTET_INLINE void add_taps(Sums& sums, const uint8_t* const* taps, size_t first, size_t last, size_t c) {
  int16x8_t low = vdupq_n_s16(0), high = low;
  for (size_t t = first; t < last; ++t) {
    const int8x16_t codes = load(taps[t] + c);
    low = vaddw_s8(low, vget_low_s8(codes));
    high = vaddw_high_s8(high, codes);
  }
  sums = {add(sums.low, widen(low)), add(sums.high, widen(high))};
}

template <bool kFixed>
void average(const uint8_t* const* taps, size_t n_taps, size_t channels, const Requant& requant, uint8_t* out) {
  constexpr size_t kTapsAtOnce = 255;
  const Factors factors = Factors::of_all(requant);
  const Codes codes = Codes::of(requant.zero_point, requant.min, requant.max);
  const int32x4_t bias = vdupq_n_s32(*requant.bias);
  for (size_t c = 0; c < channels; c += kBytes) {
    Sums sums = {{bias, bias}, {bias, bias}};
    for (size_t t = 0; t < n_taps; t += kTapsAtOnce) {
      add_taps(sums, taps, t, t + kTapsAtOnce < n_taps ? t + kTapsAtOnce : n_taps, c);
    }
    const int8x8_t low = codes(scaled<kFixed>(sums.low, factors)), high = codes(scaled<kFixed>(sums.high, factors));
    store_part(out + c, vcombine_s8(low, high), channels - c);
  }
}

}  // namespace

void max_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, uint8_t* out) {
  size_t c = 0;
  for (; c + 4 * kBytes <= channels; c += 4 * kBytes) max_channels<4>(taps, n_taps, c, channels, out);
  for (; c < channels; c += kBytes) max_channels<1>(taps, n_taps, c, channels, out);
}

void avg_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, const Requant& requant, uint8_t* out) {
  if (requant.finish == Finish::fixed) return average<true>(taps, n_taps, channels, requant, out);
  average<false>(taps, n_taps, channels, requant, out);
}
