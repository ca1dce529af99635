// SPDX-License-Identifier: Apache-2.0
// What <arm_neon.h> lacks: parts of vectors, and accumulators by the row. Text for the backend's
// namespace; needs <arm_neon.h> and <string.h>.

namespace {

#define OCTET_INLINE inline __attribute__((always_inline))
#define OCTET_UNROLL _Pragma("GCC unroll 32")

// Loads stay on their side of it. Compilers move all loads of an unrolled loop to its front, for whose
// results there are no registers once accumulators fill the file.
#define OCTET_LOADS_STAY asm volatile("" ::: "memory")

enum : size_t { kBytes = 16 };  // in a vector

// s8 codes behind the contract's byte pointers.
OCTET_INLINE int8x16_t load(const uint8_t* p) { return vreinterpretq_s8_u8(vld1q_u8(p)); }
OCTET_INLINE int8x8_t load_half(const uint8_t* p) { return vreinterpret_s8_u8(vld1_u8(p)); }
OCTET_INLINE void store(uint8_t* p, int8x16_t v) { vst1q_u8(p, vreinterpretq_u8_s8(v)); }
OCTET_INLINE void store_half(uint8_t* p, int8x8_t v) { vst1_u8(p, vreinterpret_u8_s8(v)); }

// The first n < 8 bytes, in the low ones of eight. A call of memcpy would cost the loops around it all
// constants that they keep in registers: nothing of a vector register survives a call whole.
OCTET_INLINE uint64_t load_bits(const uint8_t* p, size_t n) {
  uint32_t four;
  uint16_t two;
  uint64_t bits = 0;
  if ((n & 1) != 0) bits = p[n - 1];
  if ((n & 2) != 0) {
    memcpy(&two, p + (n & 4), sizeof two);
    bits = bits << 16 | two;
  }
  if ((n & 4) == 0) return bits;
  memcpy(&four, p, sizeof four);
  return bits << 32 | four;
}
OCTET_INLINE void store_bits(uint8_t* p, uint64_t bits, size_t n) {
  if ((n & 4) != 0) {
    memcpy(p, &bits, 4);
    bits >>= 32;
  }
  if ((n & 2) != 0) {
    memcpy(p + (n & 4), &bits, 2);
    bits >>= 16;
  }
  if ((n & 1) != 0) p[n - 1] = static_cast<uint8_t>(bits);
}

// The first n codes, zeros behind them; and nothing beyond the first n.
OCTET_INLINE int8x8_t load_half(const uint8_t* p, size_t n) {
  return __builtin_expect(n >= 8, 1) ? load_half(p) : vcreate_s8(load_bits(p, n));
}
OCTET_INLINE void store_half(uint8_t* p, int8x8_t v, size_t n) {
  if (__builtin_expect(n >= 8, 1)) return store_half(p, v);
  store_bits(p, vget_lane_u64(vreinterpret_u64_s8(v), 0), n);
}
OCTET_INLINE int8x16_t load_part(const uint8_t* p, size_t n) {
  if (__builtin_expect(n >= kBytes, 1)) return load(p);
  if (n < 8) return vcombine_s8(load_half(p, n), vdup_n_s8(0));
  return vcombine_s8(load_half(p), load_half(p + 8, n - 8));
}
OCTET_INLINE void store_part(uint8_t* p, int8x16_t v, size_t n) {
  if (__builtin_expect(n >= kBytes, 1)) return store(p, v);
  if (n < 8) return store_half(p, vget_low_s8(v), n);
  store_half(p, vget_low_s8(v));
  store_half(p + 8, vget_high_s8(v), n - 8);
}

// Eight accumulators, or what becomes of them.
struct Eight {
  int32x4_t low, high;
};

OCTET_INLINE Eight load_eight(const int32_t* p) { return {vld1q_s32(p), vld1q_s32(p + 4)}; }
OCTET_INLINE void store_eight(int32_t* p, Eight v) {
  vst1q_s32(p, v.low);
  vst1q_s32(p + 4, v.high);
}
OCTET_INLINE void store_eight(int32_t* p, Eight v, size_t n) {
  if (__builtin_expect(n >= 8, 1)) return store_eight(p, v);
  int32_t values[8];
  store_eight(values, v);
  memcpy(p, values, n * sizeof(int32_t));
}
OCTET_INLINE Eight add(Eight a, Eight b) { return {vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high)}; }
OCTET_INLINE Eight widen(int16x8_t v) { return {vmovl_s16(vget_low_s16(v)), vmovl_s16(vget_high_s16(v))}; }

}  // namespace
