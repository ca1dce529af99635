// SPDX-License-Identifier: Apache-2.0
// Codes in, codes out, a vector at a time; the last ones as a part of one, so body and tail are one
// loop. Needs epilogue.inl.

namespace {

// Codes of an operand that advances with the output (step 1) or is one code for all (step 0).
OCTET_INLINE int8x16_t load_operand(const uint8_t* p, size_t step, size_t i, size_t n) {
  return step != 0 ? load_part(p + i, n - i) : vreinterpretq_s8_u8(vdupq_n_u8(*p));
}

template <bool kFixed>
void add_vectors(const AddParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out,
                 size_t n) {
  const Adder adder(p);
  for (size_t i = 0; i < n; i += kBytes) {
    const int8x16_t va = load_operand(a, a_step, i, n), vb = load_operand(b, b_step, i, n);
    const int8x8_t low = adder.template add<kFixed>(vget_low_s8(va), vget_low_s8(vb));
    const int8x8_t high = adder.template add<kFixed>(vget_high_s8(va), vget_high_s8(vb));
    store_part(out + i, vcombine_s8(low, high), n - i);
  }
}

// The product of two differences of codes: at most 255 * 255.
OCTET_INLINE Eight product_of(int8x8_t a, int8x8_t b, int8x8_t za, int8x8_t zb) {
  const int16x8_t x = vsubl_s8(a, za), y = vsubl_s8(b, zb);
  return {vmull_s16(vget_low_s16(x), vget_low_s16(y)), vmull_high_s16(x, y)};
}

template <bool kFixed>
void multiply_vectors(const MulParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step,
                      uint8_t* out, size_t n) {
  const Factors factors = Factors::of_all({nullptr, &p.multiplier, &p.shift, &p.scale, p.zo, p.min, p.max, p.finish});
  const Codes codes = Codes::of(p.zo, p.min, p.max);
  const int8x8_t za = vdup_n_s8(static_cast<int8_t>(p.za)), zb = vdup_n_s8(static_cast<int8_t>(p.zb));
  for (size_t i = 0; i < n; i += kBytes) {
    const int8x16_t va = load_operand(a, a_step, i, n), vb = load_operand(b, b_step, i, n);
    const Eight low = product_of(vget_low_s8(va), vget_low_s8(vb), za, zb);
    const Eight high = product_of(vget_high_s8(va), vget_high_s8(vb), za, zb);
    store_part(out + i, vcombine_s8(codes(scaled<kFixed>(low, factors)), codes(scaled<kFixed>(high, factors))), n - i);
  }
}

}  // namespace

void add(const AddParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n) {
  if (p.finish == Finish::fixed) return add_vectors<true>(p, a, a_step, b, b_step, out, n);
  add_vectors<false>(p, a, a_step, b, b_step, out, n);
}

void mul(const MulParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n) {
  if (p.finish == Finish::fixed) return multiply_vectors<true>(p, a, a_step, b, b_step, out, n);
  multiply_vectors<false>(p, a, a_step, b, b_step, out, n);
}

// tbl and tbx look up one of 64 bytes; an index beyond them gives 0, or keeps what was there.
void lookup(const uint8_t* table, const uint8_t* in, uint8_t* out, size_t n) {
  const uint8x16x4_t t0 = vld1q_u8_x4(table), t1 = vld1q_u8_x4(table + 64);
  const uint8x16x4_t t2 = vld1q_u8_x4(table + 128), t3 = vld1q_u8_x4(table + 192);
  const uint8x16_t step = vdupq_n_u8(64);
  for (size_t i = 0; i < n; i += kBytes) {
    const uint8x16_t c0 = vreinterpretq_u8_s8(load_part(in + i, n - i));
    const uint8x16_t c1 = vsubq_u8(c0, step), c2 = vsubq_u8(c1, step), c3 = vsubq_u8(c2, step);
    const uint8x16_t codes = vqtbx4q_u8(vqtbx4q_u8(vqtbx4q_u8(vqtbl4q_u8(t0, c0), t1, c1), t2, c2), t3, c3);
    store_part(out + i, vreinterpretq_s8_u8(codes), n - i);
  }
}

// A NaN becomes 0, whose code is the zero point; what is out of range saturates.
void quantize(const QuantizeParams& p, const float* in, uint8_t* out, size_t n) {
  const Codes codes = Codes::of(p.zero_point, p.min, p.max);
  const float32x4_t scale = vdupq_n_f32(p.scale), inverse = vdupq_n_f32(1.0F / p.scale);
  const auto rounded = [&](const float* x) __attribute__((always_inline)) {
    const float32x4_t v = vld1q_f32(x);
    return vcvtnq_s32_f32(p.reciprocal != 0 ? vmulq_f32(v, inverse) : vdivq_f32(v, scale));
  };
  const auto eight = [&](const float* x) __attribute__((always_inline)) { return Eight{rounded(x), rounded(x + 4)}; };
  size_t i = 0;
  for (; i + 8 <= n; i += 8) store_half(out + i, codes(eight(in + i)));
  if (i == n) return;
  float tail[8] = {};
  memcpy(tail, in + i, (n - i) * sizeof(float));
  const int8x8_t last = codes(eight(tail));
  store_half(out + i, last, n - i);
}

void dequantize(float scale, int32_t zero_point, const uint8_t* in, float* out, size_t n) {
  const int8x8_t zp = vdup_n_s8(static_cast<int8_t>(zero_point));
  const auto eight = [&](int8x8_t codes, float* to) __attribute__((always_inline)) {
    const Eight differences = widen(vsubl_s8(codes, zp));
    vst1q_f32(to, vmulq_n_f32(vcvtq_f32_s32(differences.low), scale));
    vst1q_f32(to + 4, vmulq_n_f32(vcvtq_f32_s32(differences.high), scale));
  };
  size_t i = 0;
  for (; i + 8 <= n; i += 8) eight(load_half(in + i), out + i);
  if (i == n) return;
  float tail[8];
  eight(load_half(in + i, n - i), tail);
  memcpy(out + i, tail, (n - i) * sizeof(float));
}

namespace {

OCTET_INLINE int8x8_t requantized(const Requant& requant, size_t column, const int32_t* acc) {
  const Factors factors = Factors::of(requant, column);
  const Eight sum = add(load_eight(acc), load_eight(requant.bias + column));
  return Codes::of(requant.zero_point, requant.min, requant.max)(
      requant.finish == Finish::fixed ? scaled<true>(sum, factors) : scaled<false>(sum, factors));
}

}  // namespace

// The tail is copied, since here nothing promises that the arrays go on.
void requantize_row(const Requant& requant, const int32_t* acc, uint8_t* out, size_t n) {
  size_t j = 0;
  for (; j + 8 <= n; j += 8) store_half(out + j, requantized(requant, j, acc + j));
  if (j == n) return;
  int32_t tail[4][8] = {};
  float scale[8] = {};
  const size_t left = n - j;
  memcpy(tail[0], requant.bias + j, left * sizeof(int32_t));
  memcpy(tail[1], requant.multiplier + j, left * sizeof(int32_t));
  memcpy(tail[2], requant.shift + j, left * sizeof(int32_t));
  memcpy(tail[3], acc + j, left * sizeof(int32_t));
  memcpy(scale, requant.scale + j, left * sizeof(float));
  const int8x8_t last = requantized(
      {tail[0], tail[1], tail[2], scale, requant.zero_point, requant.min, requant.max, requant.finish}, 0, tail[3]);
  store_half(out + j, last, left);
}
