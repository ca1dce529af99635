// SPDX-License-Identifier: Apache-2.0
// From int32 accumulators to s8 codes, eight columns at a time. Needs vector.inl.

namespace {

// The factors of eight columns: their own, or one for all.
//
// Finish::fixed asks for R = floor((a*m + 2^(s-1)) / 2^s). Let L = max(32-s, 0) and r = max(s, 32) - 31,
// so that s + L = 31 + r and r >= 1. Three instructions give R:
//   - sqshl by L: b = a * 2^L, saturated to int32.
//   - sqdmulh: p = floor(2*b*m / 2^32) = floor(b*m / 2^31). It doubles and takes the high half in one
//     step, and saturates only for b = m = -2^31, while m >= 0.
//   - srshl by -r: q = floor((p + 2^(r-1)) / 2^r), with as many bits as the sum takes.
// floor((floor(x) + k) / n) = floor((x + k) / n) for integers k and n > 0, hence, if b did not saturate,
//   q = floor((b*m / 2^31 + 2^(r-1)) / 2^r) = floor((a*m * 2^L + 2^(30+r)) / 2^(31+r)) = R.
// If it did, |a * 2^L| >= 2^31 with m >= 2^30 (m = 0 gives 0 either way) and r = 1, so R and q have one
// sign and |q|, |R| >= 2^29 - 1: both saturate to the same word, and the clamp decides.
// A rounding multiplication (sqrdmulh) would serve s <= 31 alone, and need a choice per column.
struct Factors {
  Eight multiplier, left, right;  // fixed; right is negative, as srshl wants it
  float32x4_t low, high;          // floating

  OCTET_INLINE static Factors of(const Requant& requant, size_t column) {
    return make(load_eight(requant.multiplier + column), load_eight(requant.shift + column),
                vld1q_f32(requant.scale + column), vld1q_f32(requant.scale + column + 4));
  }
  OCTET_INLINE static Factors of_all(const Requant& requant) {
    const int32x4_t multiplier = vdupq_n_s32(*requant.multiplier), shift = vdupq_n_s32(*requant.shift);
    const float32x4_t scale = vdupq_n_f32(*requant.scale);
    return make({multiplier, multiplier}, {shift, shift}, scale, scale);
  }

 private:
  OCTET_INLINE static Factors make(Eight multiplier, Eight shift, float32x4_t low, float32x4_t high) {
    const auto left = [](int32x4_t s) { return vmaxq_s32(vsubq_s32(vdupq_n_s32(32), s), vdupq_n_s32(0)); };
    const auto right = [](int32x4_t s) { return vsubq_s32(vdupq_n_s32(31), vmaxq_s32(s, vdupq_n_s32(32))); };
    return {multiplier, {left(shift.low), left(shift.high)}, {right(shift.low), right(shift.high)}, low, high};
  }
};

// Which codes may come out, and which of them is zero.
struct Codes {
  int16x8_t zero_point;
  int8x8_t min, max;

  OCTET_INLINE static Codes of(int32_t zero_point, int32_t min, int32_t max) {
    return {vdupq_n_s16(static_cast<int16_t>(zero_point)), vdup_n_s8(static_cast<int8_t>(min)),
            vdup_n_s8(static_cast<int8_t>(max))};
  }
  // Differences from the zero point, rounded: narrowing saturates, so whatever is too large stays so.
  OCTET_INLINE int8x8_t operator()(Eight rounded) const {
    const int16x8_t words = vqmovn_high_s32(vqmovn_s32(rounded.low), rounded.high);
    return vmin_s8(vmax_s8(vqmovn_s16(vqaddq_s16(words, zero_point)), min), max);
  }
};

// Finish::fixed or floating before the zero point. fcvtns rounds to nearest even and saturates; of a
// NaN, which only quantize can meet, it makes 0.
template <bool kFixed>
OCTET_INLINE Eight scaled(Eight acc, const Factors& f) {
  if constexpr (kFixed) {
    return {vrshlq_s32(vqdmulhq_s32(vqshlq_s32(acc.low, f.left.low), f.multiplier.low), f.right.low),
            vrshlq_s32(vqdmulhq_s32(vqshlq_s32(acc.high, f.left.high), f.multiplier.high), f.right.high)};
  } else {
    return {vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(acc.low), f.low)),
            vcvtnq_s32_f32(vmulq_f32(vcvtq_f32_s32(acc.high), f.high))};
  }
}

// The Add row on eight codes of each operand. The sum of its three terms fits int32, so the constant
// ones may come together first, mod 2^32.
class Adder {
 public:
  OCTET_INLINE explicit Adder(const AddParams& p)
      : codes_(Codes::of(p.zo, p.min, p.max)),
        ma_(p.ma),
        mb_(p.mb),
        za_(p.za),
        zb_(p.zb),
        fa_(p.fa),
        fb_(p.fb),
        fc_(p.fc),
        b_first_(p.b_first),
        right_(vdupq_n_s32(-p.shift)),
        constant_(vdupq_n_s32(static_cast<int32_t>(0U - static_cast<uint32_t>(p.ma) * static_cast<uint32_t>(p.za) -
                                                   static_cast<uint32_t>(p.mb) * static_cast<uint32_t>(p.zb)))) {}

  template <bool kFixed>
  OCTET_INLINE int8x8_t add(int8x8_t a, int8x8_t b) const {
    const Eight wide_a = widen(vmovl_s8(a)), wide_b = widen(vmovl_s8(b));
    return codes_({term<kFixed>(wide_a.low, wide_b.low), term<kFixed>(wide_a.high, wide_b.high)});
  }

 private:
  template <bool kFixed>
  OCTET_INLINE int32x4_t term(int32x4_t a, int32x4_t b) const {
    if constexpr (kFixed) return vrshlq_s32(vmlaq_n_s32(vmlaq_n_s32(constant_, a, ma_), b, mb_), right_);
    const float32x4_t fa = vcvtq_f32_s32(vsubq_s32(a, vdupq_n_s32(za_)));
    const float32x4_t fb = vcvtq_f32_s32(vsubq_s32(b, vdupq_n_s32(zb_)));
    const float32x4_t zeros = vdupq_n_f32(fc_);
    return vcvtnq_s32_f32(b_first_ ? vfmaq_n_f32(vfmaq_n_f32(zeros, fa, fa_), fb, fb_)
                                   : vfmaq_n_f32(vfmaq_n_f32(zeros, fb, fb_), fa, fa_));
  }

  Codes codes_;
  int32_t ma_, mb_, za_, zb_;
  float fa_, fb_, fc_;
  bool b_first_;
  int32x4_t right_, constant_;
};

}  // namespace
