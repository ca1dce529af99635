// SPDX-License-Identifier: Apache-2.0
// Channel-wise products as kernels/arm/depthwise.inl wants them: two taps are multiplied and added in
// words, and words to the sums. Needs vector.inl.

namespace {

enum : size_t { kTogether = 2 };

struct Sums {
  int32x4_t v[4];
};

OCTET_INLINE size_t channel_of(size_t i) { return i; }
OCTET_INLINE int8x16_t row_of(int8x8_t first, int8x8_t second) { return vcombine_s8(first, second); }

template <int kTaps>
struct Taps {
  int8x16_t row[kTaps];
};

template <int kTaps, class At>
OCTET_INLINE Taps<kTaps> gather(At at) {
  Taps<kTaps> taps;
  OCTET_UNROLL
  for (int t = 0; t < kTaps; ++t) taps.row[t] = at(t);
  return taps;
}

template <int kTaps, class At>
OCTET_INLINE Taps<kTaps> gather_weights(At at) {
  return gather<kTaps>(at);
}

OCTET_INLINE void add_words(Sums& sums, int16x8_t low, int16x8_t high) {
  sums.v[0] = vaddw_s16(sums.v[0], vget_low_s16(low));
  sums.v[1] = vaddw_high_s16(sums.v[1], low);
  sums.v[2] = vaddw_s16(sums.v[2], vget_low_s16(high));
  sums.v[3] = vaddw_high_s16(sums.v[3], high);
}

// A pair of products fits a word unless both weights are -128.
template <int kTaps, bool kSafe>
OCTET_INLINE void add_products(Sums& sums, const Taps<kTaps>& codes, const Taps<kTaps>& weights) {
  OCTET_UNROLL
  for (int t = 0; t < kTaps; t += kSafe ? 2 : 1) {
    int16x8_t low = vmull_s8(vget_low_s8(codes.row[t]), vget_low_s8(weights.row[t]));
    int16x8_t high = vmull_high_s8(codes.row[t], weights.row[t]);
    if (kSafe && t + 1 < kTaps) {
      low = vmlal_s8(low, vget_low_s8(codes.row[t + 1]), vget_low_s8(weights.row[t + 1]));
      high = vmlal_high_s8(high, codes.row[t + 1], weights.row[t + 1]);
    }
    add_words(sums, low, high);
  }
}

// Whichever taps make pairs, no two weights of one channel are -128.
template <class ABlock>
bool pairs_are_safe(const ABlock& block) {
  int8x16_t lowest = vdupq_n_s8(0);  // how many of them are
  for (size_t tap = 0; tap < block.taps(); ++tap) {
    lowest = vqsubq_s8(lowest, vreinterpretq_s8_u8(vceqq_s8(block.weights(tap), vdupq_n_s8(-128))));
  }
  return vmaxvq_s8(lowest) <= 1;
}

}  // namespace
