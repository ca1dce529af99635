// SPDX-License-Identifier: Apache-2.0
// Codes in, codes out, 64 at a time; the last ones under a mask, so body and tail are one loop.
#include <immintrin.h>
#include <string.h>

#include "kernels/avx512vnni/avx512vnni.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/avx512vnni/vector.inl"
#include "kernels/x86/epilogue.inl"
// clang-format on

namespace {

// 64 codes of an operand that advances with the output (step 1) or is one code for all (step 0).
OCTET_INLINE __m512i load_codes(const uint8_t* p, size_t step, size_t i, Part part) {
  return step != 0 ? load_part(p + i, part) : spread_byte(*p);
}

}  // namespace

void add(const AddParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n) {
  const Adder adder(p);
  for (size_t i = 0; i < n; i += 64) {
    const Part part = first_bytes(n - i);
    store_part(out + i, adder(load_codes(a, a_step, i, part), load_codes(b, b_step, i, part)), part);
  }
}

void mul(const MulParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n) {
  const Requant requant = {nullptr, &p.multiplier, &p.shift, &p.scale, p.zo, p.min, p.max, p.finish};
  const Requantizer<OneEntry> requantizer(requant, 0);
  const __m512i none = _mm512_setzero_si512();
  const __m512i za = _mm512_set1_epi16(static_cast<short>(p.za)), zb = _mm512_set1_epi16(static_cast<short>(p.zb));
  for (size_t i = 0; i < n; i += 64) {
    const Part part = first_bytes(n - i);
    const __m512i va = load_codes(a, a_step, i, part), vb = load_codes(b, b_step, i, part);
    const __m512i a0 = _mm512_sub_epi16(_mm512_unpacklo_epi8(va, none), za);
    const __m512i a1 = _mm512_sub_epi16(_mm512_unpackhi_epi8(va, none), za);
    const __m512i b0 = _mm512_sub_epi16(_mm512_unpacklo_epi8(vb, none), zb);
    const __m512i b1 = _mm512_sub_epi16(_mm512_unpackhi_epi8(vb, none), zb);
    const __m512i low0 = _mm512_mullo_epi16(a0, b0), high0 = _mm512_mulhi_epi16(a0, b0);
    const __m512i low1 = _mm512_mullo_epi16(a1, b1), high1 = _mm512_mulhi_epi16(a1, b1);
    const Ints acc[4] = {_mm512_unpacklo_epi16(low0, high0), _mm512_unpackhi_epi16(low0, high0),
                         _mm512_unpacklo_epi16(low1, high1), _mm512_unpackhi_epi16(low1, high1)};
    const Words words = requantizer.fixed() ? requantizer.words<true>(acc) : requantizer.words<false>(acc);
    store_part(out + i, requantizer.bytes(words), part);
  }
}

// vpermi2w looks up one of 64 words; the 128 words of the table are two such lookups, chosen by the
// code's top bit, and its lowest bit says which byte of the word it is. (VBMI would be shorter, but
// Cascade Lake lacks it.)
void lookup(const uint8_t* table, const uint8_t* in, uint8_t* out, size_t n) {
  Ints quarter[4];
  for (int i = 0; i < 4; ++i) quarter[i] = _mm512_loadu_si512(table + 64 * i);
  const __m512i byte = _mm512_set1_epi16(0xFF), top = _mm512_set1_epi16(0x80), one = _mm512_set1_epi16(1);
  const auto look = [&](__m512i code) __attribute__((always_inline)) {  // in the low byte of each word
    const __m512i index = _mm512_srli_epi16(code, 1);
    const __m512i low = _mm512_permutex2var_epi16(quarter[0], index, quarter[1]);
    const __m512i high = _mm512_permutex2var_epi16(quarter[2], index, quarter[3]);
    const __m512i word = _mm512_mask_mov_epi16(low, _mm512_test_epi16_mask(code, top), high);
    return _mm512_mask_srli_epi16(word, _mm512_test_epi16_mask(code, one), word, 8);
  };
  for (size_t i = 0; i < n; i += 64) {
    const Part part = first_bytes(n - i);
    const __m512i codes = load_part(in + i, part);
    const __m512i even = look(_mm512_and_si512(codes, byte)), odd = look(_mm512_srli_epi16(codes, 8));
    const __m512i both = _mm512_or_si512(_mm512_and_si512(even, byte), _mm512_slli_epi16(odd, 8));
    store_part(out + i, both, part);
  }
}

// What is clamped to code bounds less zero point fits a word; NaN becomes 0 before, whose code is
// the zero point.
void quantize(const QuantizeParams& p, const float* in, uint8_t* out, size_t n) {
  const __m512 low = _mm512_set1_ps(static_cast<float>(p.min - p.zero_point));
  const __m512 high = _mm512_set1_ps(static_cast<float>(p.max - p.zero_point));
  const __m512 scale = _mm512_set1_ps(p.scale), inverse = _mm512_set1_ps(1.0F / p.scale);
  const __m512i zero = _mm512_set1_epi16(static_cast<short>(p.zero_point));
  const auto slot = [&](size_t at) __attribute__((always_inline)) {
    const __m512 x = _mm512_maskz_loadu_ps(first_ints(at < n ? n - at : 0), in + at);
    __m512 v = p.reciprocal != 0 ? _mm512_mul_ps(x, inverse) : _mm512_div_ps(x, scale);
    v = _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, v, _CMP_ORD_Q), v);
    return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_max_ps(v, low), high));
  };
  for (size_t i = 0; i < n; i += 64) {
    const __m512i w0 = _mm512_add_epi16(_mm512_packs_epi32(slot(i), slot(i + 16)), zero);
    const __m512i w1 = _mm512_add_epi16(_mm512_packs_epi32(slot(i + 32), slot(i + 48)), zero);
    store_part(out + i, row_from_packed(pack_words(w0, w1)), first_bytes(n - i));
  }
}

void dequantize(float scale, int32_t zero_point, const uint8_t* in, float* out, size_t n) {
  const __m512i zero = _mm512_set1_epi32(zero_point);
  const __m512 factor = _mm512_set1_ps(scale);
  for (size_t i = 0; i < n; i += 16) {
    const __mmask16 mask = first_ints(n - i);
    const __m512i code = _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask, in + i));
    _mm512_mask_storeu_ps(out + i, mask, _mm512_mul_ps(factor, _mm512_cvtepi32_ps(_mm512_sub_epi32(code, zero))));
  }
}

namespace {

void requantize_64(const Requant& requant, size_t column, const int32_t* acc, uint8_t* out, Part part) {
  const Requantizer<RowOrder<4>> requantizer(requant, column);
  __m512i slots[4];
  for (int s = 0; s < 4; ++s) {
    slots[s] = _mm512_add_epi32(load(acc + 16 * s), RowOrder<4>::load_slot(requant.bias + column, s));
  }
  const Words words = requantizer.fixed() ? requantizer.words<true>(slots) : requantizer.words<false>(slots);
  store_part(out, row_from_packed(requantizer.bytes(words)), part);
}

}  // namespace

// The tail is copied, since here nothing promises that the arrays go on.
void requantize_row(const Requant& requant, const int32_t* acc, uint8_t* out, size_t n) {
  size_t j = 0;
  for (; j + 64 <= n; j += 64) requantize_64(requant, j, acc + j, out + j, first_bytes(64));
  if (j == n) return;
  int32_t tail[4][64] = {};
  float scale[64] = {};
  const size_t left = n - j;
  memcpy(tail[0], requant.bias + j, left * sizeof(int32_t));
  memcpy(tail[1], requant.multiplier + j, left * sizeof(int32_t));
  memcpy(tail[2], requant.shift + j, left * sizeof(int32_t));
  memcpy(tail[3], acc + j, left * sizeof(int32_t));
  memcpy(scale, requant.scale + j, left * sizeof(float));
  for (size_t i = left; i < 64; ++i) tail[2][i] = 32;
  const Requant padded = {tail[0],     tail[1],     tail[2],       scale, requant.zero_point,
                          requant.min, requant.max, requant.finish};
  requantize_64(padded, 0, tail[3], out + j, first_bytes(left));
}

}  // namespace octet::kernels::OCTET_BACKEND_NS
