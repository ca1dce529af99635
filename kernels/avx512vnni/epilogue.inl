// SPDX-License-Identifier: Apache-2.0
// From int32 accumulators to codes, 64 at a time: four vectors ("slots") of 16 accumulators become
// two vectors of words and then one vector of bytes. Packing works within 128-bit lanes, so byte
// 16L + 4s + i of the packed vector comes from element 4L + i of slot s; transpose() puts slots in
// a row. Text for this backend's namespace; needs <immintrin.h> and kernels/microkernels.h.

namespace {

#define OCTET_INLINE inline __attribute__((always_inline))
#define OCTET_UNROLL _Pragma("GCC unroll 32")

struct Words {
  __m512i low, high;  // slots 0 and 1, slots 2 and 3
};

OCTET_INLINE __m512i transpose(__m512i packed) {
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, packed);  // its own inverse
}

OCTET_INLINE uint64_t first_bytes(size_t n) { return n >= 64 ? ~uint64_t{0} : (uint64_t{1} << n) - 1; }
OCTET_INLINE __mmask16 first_dwords(size_t n) {
  return n >= 16 ? static_cast<__mmask16>(0xFFFF) : static_cast<__mmask16>((1U << n) - 1U);
}

// Where the per-column entries of slot s stand in an array: kSlots vectors of 16 columns in a row
// (slots beyond start again: they are further rows of the same columns) ...
template <int kSlots>
struct RowOrder {
  enum : int { kUsed = 4 };
  static OCTET_INLINE __m512i load(const void* base, int slot) {
    return _mm512_loadu_si512(static_cast<const int32_t*>(base) + 16 * (slot % kSlots));
  }
};

// ... or in the order of packing, lane L of slot s holding columns 4*(kSlots*L + s) and three more ...
template <int kSlots>
struct LaneOrder {
  enum : int { kUsed = kSlots };
  static OCTET_INLINE __m512i load(const void* base, int slot) {
    const int32_t* from = static_cast<const int32_t*>(base) + 4 * (slot % kSlots);
    const auto lane = [from](int l) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + 4 * kSlots * l)); };
    __m512i v = _mm512_castsi128_si512(lane(0));
    v = _mm512_inserti32x4(v, lane(1), 1);
    v = _mm512_inserti32x4(v, lane(2), 2);
    return _mm512_inserti32x4(v, lane(3), 3);
  }
};

// ... or one entry for all.
struct OneEntry {
  enum : int { kUsed = 4 };
  static OCTET_INLINE __m512i load(const void* base, int) { return _mm512_set1_epi32(*static_cast<const int32_t*>(base)); }
};

// The fixed row itself, 16 lanes: 64-bit products of the even and the odd lanes.
OCTET_INLINE __m512i exact_half(__m512i acc, __m512i multiplier, __m512i shift, __m512i zero_point) {
  const __m512i one = _mm512_set1_epi64(1);
  const __m512i half = _mm512_sllv_epi64(one, _mm512_sub_epi64(shift, one));
  const __m512i sum = _mm512_add_epi64(_mm512_mul_epi32(acc, multiplier), half);
  const __m512i code = _mm512_add_epi64(_mm512_srav_epi64(sum, shift), zero_point);  // at most 2^41 in size
  return _mm512_max_epi64(_mm512_min_epi64(code, _mm512_set1_epi64(0xFFFF)), _mm512_set1_epi64(-0xFFFF));
}
OCTET_INLINE __m512i exact(__m512i acc, __m512i multiplier, __m512i shift, int32_t zero_point) {
  const __m512i zero = _mm512_set1_epi64(zero_point);
  const __m512i shift_even = _mm512_and_si512(shift, _mm512_set1_epi64(0xFF));
  const __m512i even = exact_half(acc, multiplier, shift_even, zero);
  const __m512i odd = exact_half(_mm512_srli_epi64(acc, 32), _mm512_srli_epi64(multiplier, 32),
                                 _mm512_srli_epi64(shift, 32), zero);
  return _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
}

// Requantization of 64 accumulators whose columns stand in the given Order.
//
// Finish::fixed asks for floor(u) with u = zp + 1/2 + acc * m * 2^-s. The guarded fast path computes
// y = u * 2^14 + 1 in f32, rounded to an integer, and takes y >> 14. It is used only where that is
// proved equal. Let t = u * 2^14 + 1 exactly.
//   - f32(acc) and f32(m) are off by 2^-24 each, relatively; 2^(14-s) is exact, and the fused
//     multiply-add rounds once. The offset (zp + 1/2) * 2^14 + 1 is an integer below 2^23: exact.
//   - Where -1 <= u < 257 the product is below 2^22.02, so it is off by less than 2^22.02 * 2^-22.99
//     < 0.52, the sum (below 2^23, spacing 1/2) by another 1/4, the rounding to integer by 1/2:
//     |y - t| < 1.3.
//   - If y mod 2^14 is none of 0, 1, 2, 3, then (y - 1) mod 2^14 lies in [3, 2^14 - 2], so t - 1 =
//     u * 2^14 is at least 0.7 away from any multiple of 2^14 and y >> 14 = floor(u).
//   - Elsewhere u < -1 or u >= 257; the relative error is below 2^-21, so y >> 14 stays below 0 or
//     above 255 as the true code does, and the clamp makes them equal. Beyond int32 the conversion
//     gives 0x80000000, whose low 14 bits are 0: that redoes it, like every near tie.
// About one value in 4096 is near a tie; then all 64 are redone with integers.
template <class Order>
class Requantizer {
 public:
  // column: of slot 0, counted in the arrays of requant
  OCTET_INLINE Requantizer(const Requant& requant, size_t column)
      : multiplier_(requant.multiplier + column), shift_(requant.shift + column), zero_point_(requant.zero_point),
        fixed_(requant.finish == Finish::fixed), whole_(requant.min == 0 && requant.max == 255) {
    for (int s = 0; s < Order::kUsed; ++s) {
      if (fixed_) {
        const __m512i exponent = _mm512_sub_epi32(_mm512_set1_epi32(kFraction), Order::load(shift_, s));
        scale_[s] = _mm512_scalef_ps(_mm512_cvtepi32_ps(Order::load(multiplier_, s)), _mm512_cvtepi32_ps(exponent));
      } else {
        scale_[s] = _mm512_castsi512_ps(Order::load(requant.scale + column, s));
      }
    }
    offset_ = static_cast<float>((2 * requant.zero_point + 1) * (1 << (kFraction - 1)) + 1);
    top_ = static_cast<float>(requant.max - requant.zero_point);
    low_ = _mm512_set1_epi8(static_cast<char>(requant.min));
    high_ = _mm512_set1_epi8(static_cast<char>(requant.max));
  }

  bool fixed() const { return fixed_; }

  // Codes before the clamp, saturated to words.
  template <bool kFixed>
  OCTET_INLINE Words words(const __m512i (&acc)[4]) const {
    return kFixed ? fixed_words(acc) : floating_words(acc);
  }

  // Words to packed and clamped bytes.
  OCTET_INLINE __m512i bytes(Words w) const {
    const __m512i codes = _mm512_packus_epi16(w.low, w.high);
    return whole_ ? codes : _mm512_min_epu8(_mm512_max_epu8(codes, low_), high_);
  }

 private:
  enum { kFraction = 14 };

  OCTET_INLINE Words fixed_words(const __m512i (&acc)[4]) const {
    const __m512 offset = _mm512_set1_ps(offset_);
    const __m512i fraction = _mm512_set1_epi32((1 << kFraction) - 4);
    __mmask16 clear = 0xFFFF;
    __m512i code[4];
    for (int s = 0; s < Order::kUsed; ++s) {
      const __m512i y = _mm512_cvtps_epi32(_mm512_fmadd_ps(_mm512_cvtepi32_ps(acc[s]), scale_[s], offset));
      clear = _mm512_mask_test_epi32_mask(clear, y, fraction);
      code[s] = _mm512_srai_epi32(y, kFraction);
    }
    if (__builtin_expect(clear != 0xFFFF, 0)) {
      return Order::kUsed == 4 ? exact_words(acc[0], acc[1], acc[2], acc[3]) : exact_words(acc[0], acc[1]);
    }
    return pack(code);
  }

  // Out of line, by value: nothing of it may cost the fast path a register or a store.
  template <class... Slots>
  __attribute__((noinline)) Words exact_words(Slots... slots) const {
    const __m512i acc[] = {slots...};
    __m512i code[4];
    for (int s = 0; s < Order::kUsed; ++s) {
      code[s] = exact(acc[s], Order::load(multiplier_, s), Order::load(shift_, s), zero_point_);
    }
    return pack(code);
  }

  static OCTET_INLINE Words pack(const __m512i (&code)[4]) {
    const __m512i low = _mm512_packs_epi32(code[0], code[1]);
    return {low, Order::kUsed == 4 ? _mm512_packs_epi32(code[2], code[3]) : low};
  }

  // A product beyond the largest code must not reach the conversion, where it would turn negative;
  // what is too small becomes INT32_MIN, which saturates as it should.
  OCTET_INLINE Words floating_words(const __m512i (&acc)[4]) const {
    const __m512 top = _mm512_set1_ps(top_);
    const __m512i zero = _mm512_set1_epi16(static_cast<short>(zero_point_));
    __m512i code[4];
    for (int s = 0; s < Order::kUsed; ++s) {
      code[s] = _mm512_cvtps_epi32(_mm512_min_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(acc[s]), scale_[s]), top));
    }
    const Words w = pack(code);
    return {_mm512_adds_epi16(w.low, zero), _mm512_adds_epi16(w.high, zero)};
  }

  __m512 scale_[4];
  __m512i low_, high_;
  const int32_t *multiplier_, *shift_;
  float offset_, top_;
  int32_t zero_point_;
  bool fixed_, whole_;  // whole_: packing is clamp enough
};

// The Add row on two vectors of 64 codes, in any order.
//
// fixed: with m = 128 * h + l, 0 <= l < 128, the sum is (a,b).(la,lb) + (128a,128b).(ha,hb) + rest,
// two vpdpwssd on pairs of words: |h| <= 2^14 and 128 * 255 < 2^15 fit. Partial sums may wrap; the
// whole fits int32, mostly even with zo << shift in it.
class Adder {
 public:
  OCTET_INLINE explicit Adder(const AddParams& p)
      : fixed_(p.finish == Finish::fixed), za_(p.za), zb_(p.zb), whole_(p.min == 0 && p.max == 255), fa_(p.fa),
        fb_(p.fb), top_(static_cast<float>(p.max - p.zo)) {
    const int64_t zero = static_cast<int64_t>(p.zo) << p.shift;
    const int64_t largest = 255 * ((p.ma < 0 ? -int64_t{p.ma} : p.ma) + (p.mb < 0 ? -int64_t{p.mb} : p.mb));
    zero_inside_ = fixed_ && largest + zero + (int64_t{1} << p.shift) <= INT32_MAX;
    const uint32_t constant = (1U << (p.shift - 1)) - static_cast<uint32_t>(p.ma) * static_cast<uint32_t>(p.za) -
                              static_cast<uint32_t>(p.mb) * static_cast<uint32_t>(p.zb);
    constant_ = _mm512_set1_epi32(static_cast<int32_t>(constant + (zero_inside_ ? static_cast<uint32_t>(zero) : 0U)));
    fine_ = _mm512_set1_epi32((p.ma & 127) | (p.mb & 127) << 16);
    coarse_ = _mm512_set1_epi32(((p.ma >> 7) & 0xFFFF) | static_cast<int32_t>(static_cast<uint32_t>(p.mb >> 7) << 16));
    shift_ = _mm512_set1_epi32(p.shift);
    zero_ = _mm512_set1_epi16(static_cast<short>(p.zo));
    low_ = _mm512_set1_epi8(static_cast<char>(p.min));
    high_ = _mm512_set1_epi8(static_cast<char>(p.max));
  }

  OCTET_INLINE __m512i operator()(__m512i a, __m512i b) const {
    const __m512i low = half(_mm512_unpacklo_epi8(a, b)), high = half(_mm512_unpackhi_epi8(a, b));
    const __m512i codes = _mm512_packus_epi16(low, high);
    return whole_ ? codes : _mm512_min_epu8(_mm512_max_epu8(codes, low_), high_);
  }

 private:
  // Pairs of bytes become pairs of words, are added, and become words.
  OCTET_INLINE __m512i half(__m512i pairs) const {
    const __m512i none = _mm512_setzero_si512();
    const __m512i low = _mm512_unpacklo_epi8(pairs, none), high = _mm512_unpackhi_epi8(pairs, none);
    const __m512i codes = fixed_ ? _mm512_packs_epi32(fixed(low), fixed(high)) : _mm512_packs_epi32(floating(low), floating(high));
    return zero_inside_ ? codes : _mm512_adds_epi16(codes, zero_);
  }
  OCTET_INLINE __m512i fixed(__m512i pairs) const {
    const __m512i fine = _mm512_dpwssd_epi32(constant_, pairs, fine_);
    const __m512i sum = _mm512_dpwssd_epi32(fine, _mm512_slli_epi32(pairs, 7), coarse_);
    return _mm512_srav_epi32(sum, shift_);  // the form with one count for all takes two turns
  }
  OCTET_INLINE __m512i floating(__m512i pairs) const {
    const __m512i a = _mm512_sub_epi32(_mm512_and_si512(pairs, _mm512_set1_epi32(0xFFFF)), _mm512_set1_epi32(za_));
    const __m512i b = _mm512_sub_epi32(_mm512_srli_epi32(pairs, 16), _mm512_set1_epi32(zb_));
    const __m512 fa = _mm512_mul_ps(_mm512_cvtepi32_ps(a), _mm512_set1_ps(fa_));
    const __m512 fb = _mm512_mul_ps(_mm512_cvtepi32_ps(b), _mm512_set1_ps(fb_));
    return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_add_ps(fa, fb), _mm512_set1_ps(top_)));
  }

  __m512i constant_, fine_, coarse_, shift_, zero_, low_, high_;
  bool fixed_;
  int32_t za_, zb_;
  bool whole_, zero_inside_;
  float fa_, fb_, top_;
};

}  // namespace
