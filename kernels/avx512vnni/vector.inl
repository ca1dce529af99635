// SPDX-License-Identifier: Apache-2.0
// The vectors that kernels/x86 is written in, 512 bits wide. Text for the backend's namespace;
// needs <immintrin.h>.

namespace {

#define OCTET_INLINE inline __attribute__((always_inline))

using Ints = __m512i;
using Floats = __m512;
enum : size_t {
  kInts = 16,      // in a vector
  kBytes = 64,     // in a vector: the codes of four vectors of accumulators
  kMaxVectors = 4  // of accumulators per row of a GEMM tile
};
enum : int { kAccumulators = 24 };  // of a GEMM tile: 24, 4 weights and a broadcast fit 32 registers

OCTET_INLINE Ints load(const void* p) { return _mm512_loadu_si512(p); }
OCTET_INLINE Ints load_aligned(const void* p) { return _mm512_load_si512(p); }
OCTET_INLINE void store_aligned(void* p, Ints v) { _mm512_store_si512(p, v); }
OCTET_INLINE Ints zero() { return _mm512_setzero_si512(); }
OCTET_INLINE Ints spread(int32_t v) { return _mm512_set1_epi32(v); }
OCTET_INLINE Ints spread_word(int32_t v) { return _mm512_set1_epi16(static_cast<short>(v)); }
OCTET_INLINE Ints spread_byte(int32_t v) { return _mm512_set1_epi8(static_cast<char>(v)); }
OCTET_INLINE Floats spread(float v) { return _mm512_set1_ps(v); }
OCTET_INLINE Floats as_floats(Ints v) { return _mm512_castsi512_ps(v); }
OCTET_INLINE Ints as_ints(Floats v) { return _mm512_castps_si512(v); }

OCTET_INLINE Ints dot(Ints acc, Ints codes, Ints weights) { return _mm512_dpbusd_epi32(acc, codes, weights); }
OCTET_INLINE Ints dot_words(Ints acc, Ints a, Ints b) { return _mm512_dpwssd_epi32(acc, a, b); }
OCTET_INLINE Floats to_floats(Ints v) { return _mm512_cvtepi32_ps(v); }
OCTET_INLINE Ints to_ints(Floats v) { return _mm512_cvtps_epi32(v); }  // what does not fit: INT32_MIN
OCTET_INLINE Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
OCTET_INLINE Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
OCTET_INLINE Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
OCTET_INLINE Floats minimum(Floats a, Floats b) { return _mm512_min_ps(a, b); }
OCTET_INLINE Floats maximum(Floats a, Floats b) { return _mm512_max_ps(a, b); }
OCTET_INLINE Floats divide(Floats a, Floats b) { return _mm512_div_ps(a, b); }
OCTET_INLINE Floats zero_nan(Floats v) { return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, v, _CMP_ORD_Q), v); }
OCTET_INLINE Ints add_ints(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
OCTET_INLINE Ints subtract(Ints a, Ints b) { return _mm512_sub_epi32(a, b); }
OCTET_INLINE Ints multiply_low(Ints a, Ints b) { return _mm512_mullo_epi32(a, b); }
OCTET_INLINE bool all_zero(Ints v) { return _mm512_test_epi32_mask(v, v) == 0; }
// to[0..3] = the sums of all entries of each
OCTET_INLINE void store_sums(int32_t* to, Ints a, Ints b, Ints c, Ints d) {
  const Ints ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
  const Ints cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
  const Ints all = _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
  const __m256i two = _mm256_add_epi32(_mm512_castsi512_si256(all), _mm512_extracti64x4_epi64(all, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_add_epi32(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1)));
}
OCTET_INLINE Ints bit_and(Ints a, Ints b) { return _mm512_and_si512(a, b); }
template <int kBy>
OCTET_INLINE Ints shift_left(Ints v) {
  return _mm512_slli_epi32(v, kBy);
}
template <int kBy>
OCTET_INLINE Ints shift_right(Ints v) {
  return _mm512_srai_epi32(v, kBy);
}
OCTET_INLINE Ints shift_right(Ints v, Ints by) { return _mm512_srav_epi32(v, by); }

OCTET_INLINE Ints unpack_low_bytes(Ints a, Ints b) { return _mm512_unpacklo_epi8(a, b); }
OCTET_INLINE Ints unpack_high_bytes(Ints a, Ints b) { return _mm512_unpackhi_epi8(a, b); }
OCTET_INLINE Ints unpack_low_words(Ints a, Ints b) { return _mm512_unpacklo_epi16(a, b); }
OCTET_INLINE Ints unpack_high_words(Ints a, Ints b) { return _mm512_unpackhi_epi16(a, b); }
OCTET_INLINE Ints pack_ints(Ints a, Ints b) { return _mm512_packs_epi32(a, b); }
OCTET_INLINE Ints pack_ints_to_unsigned(Ints a, Ints b) { return _mm512_packus_epi32(a, b); }
OCTET_INLINE Ints pack_words(Ints a, Ints b) { return _mm512_packus_epi16(a, b); }
OCTET_INLINE Ints add_words(Ints a, Ints b) { return _mm512_adds_epi16(a, b); }
OCTET_INLINE Ints subtract_to_zero(Ints a, Ints b) { return _mm512_subs_epu16(a, b); }  // unsigned words, not below 0
OCTET_INLINE Ints subtract_words(Ints a, Ints b) { return _mm512_sub_epi16(a, b); }
OCTET_INLINE Ints multiply_words_low(Ints a, Ints b) { return _mm512_mullo_epi16(a, b); }
OCTET_INLINE Ints multiply_words_high(Ints a, Ints b) { return _mm512_mulhi_epi16(a, b); }
OCTET_INLINE Ints max_bytes(Ints a, Ints b) { return _mm512_max_epu8(a, b); }
OCTET_INLINE Ints clamp_bytes(Ints v, Ints low, Ints high) { return _mm512_min_epu8(_mm512_max_epu8(v, low), high); }

// The first n bytes of a vector.
struct Part {
  uint64_t mask;
};
OCTET_INLINE Part first_bytes(size_t n) { return {n >= kBytes ? ~uint64_t{0} : (uint64_t{1} << n) - 1}; }
OCTET_INLINE __mmask16 first_ints(size_t n) { return static_cast<__mmask16>(n >= kInts ? 0xFFFFU : (1U << n) - 1U); }
// A masked load takes a turn on the ports that do the work, a masked store does not.
OCTET_INLINE Ints load_part(const uint8_t* p, Part part) {
  return part.mask == ~uint64_t{0} ? load(p) : _mm512_maskz_loadu_epi8(part.mask, p);
}
OCTET_INLINE void store_part(uint8_t* p, Ints v, Part part) { _mm512_mask_storeu_epi8(p, part.mask, v); }
OCTET_INLINE void store_ints(int32_t* p, Ints v, size_t n) { _mm512_mask_storeu_epi32(p, first_ints(n), v); }
OCTET_INLINE Floats load_floats(const float* p, size_t n) { return _mm512_maskz_loadu_ps(first_ints(n), p); }
OCTET_INLINE void store_floats(float* p, Floats v, size_t n) { _mm512_mask_storeu_ps(p, first_ints(n), v); }
OCTET_INLINE Ints load_bytes_as_ints(const uint8_t* p, size_t n) {
  return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(first_ints(n), p));
}

// Whether any of the values seen has none of the `fraction` bits set.
class Guard {
 public:
  OCTET_INLINE explicit Guard(int32_t fraction) : fraction_(spread(fraction)), clear_(0xFFFF) {}
  OCTET_INLINE void see(Ints y) { clear_ = _mm512_mask_test_epi32_mask(clear_, y, fraction_); }
  OCTET_INLINE bool alarmed() const { return clear_ != 0xFFFF; }

 private:
  Ints fraction_;
  __mmask16 clear_;
};

// Four slots packed to bytes: 4L + i of slot s stands at byte 16L + 4s + i. In a row: slot by slot.
OCTET_INLINE Ints row_from_packed(Ints packed) {
  return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), packed);
}
OCTET_INLINE Ints packed_from_row(Ints row) { return row_from_packed(row); }  // transposing is its own inverse

// Lane L from p + L * stride.
OCTET_INLINE Ints load_lanes(const int32_t* p, size_t stride) {
  const auto lane = [=](size_t l) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + l * stride)); };
  const Ints two = _mm512_inserti32x4(_mm512_castsi128_si512(lane(0)), lane(1), 1);
  return _mm512_inserti32x4(_mm512_inserti32x4(two, lane(2), 2), lane(3), 3);
}
OCTET_INLINE Ints load_lanes_twice(const int32_t* p, size_t stride) {
  const auto lane = [=](size_t l) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p + l * stride)); };
  return _mm512_broadcast_i64x4(_mm256_set_m128i(lane(1), lane(0)));
}
OCTET_INLINE void store_lanes(int32_t* p, size_t stride, Ints v) {
  const auto at = [=](size_t l) { return reinterpret_cast<__m128i*>(p + l * stride); };
  _mm_storeu_si128(at(0), _mm512_castsi512_si128(v));
  _mm_storeu_si128(at(1), _mm512_extracti32x4_epi32(v, 1));
  _mm_storeu_si128(at(2), _mm512_extracti32x4_epi32(v, 2));
  _mm_storeu_si128(at(3), _mm512_extracti32x4_epi32(v, 3));
}

// Two halves of a vector.
OCTET_INLINE Ints load_halves(const void* low, const void* high) {
  const Ints first = _mm512_castsi256_si512(_mm256_loadu_si256(static_cast<const __m256i*>(low)));
  return _mm512_inserti64x4(first, _mm256_loadu_si256(static_cast<const __m256i*>(high)), 1);
}
OCTET_INLINE void store_halves(uint8_t* low, uint8_t* high, Ints v, Part part) {
  const auto half = static_cast<__mmask32>(part.mask);
  _mm256_mask_storeu_epi8(low, half, _mm512_castsi512_si256(v));
  _mm256_mask_storeu_epi8(high, half, _mm512_extracti64x4_epi64(v, 1));
}

// A vector of bytes that is kTogether rows of equal width, the part of each row that exists, and
// how many of the rows do.
template <int kTogether>
OCTET_INLINE void store_rows(Ints v, uint8_t* p, size_t stride, size_t rows, Part part) {
  if constexpr (kTogether == 1) {
    store_part(p, v, part);
  } else if constexpr (kTogether == 2) {
    const auto half = static_cast<__mmask32>(part.mask);
    _mm256_mask_storeu_epi8(p, half, _mm512_castsi512_si256(v));
    if (rows > 1) _mm256_mask_storeu_epi8(p + stride, half, _mm512_extracti64x4_epi64(v, 1));
  } else {
    const auto quarter = static_cast<__mmask16>(part.mask);
    _mm_mask_storeu_epi8(p, quarter, _mm512_castsi512_si128(v));
    if (rows > 1) _mm_mask_storeu_epi8(p + stride, quarter, _mm512_extracti32x4_epi32(v, 1));
    if (rows > 2) _mm_mask_storeu_epi8(p + 2 * stride, quarter, _mm512_extracti32x4_epi32(v, 2));
    if (rows > 3) _mm_mask_storeu_epi8(p + 3 * stride, quarter, _mm512_extracti32x4_epi32(v, 3));
  }
}
template <int kTogether>
OCTET_INLINE Ints load_rows(const uint8_t* p, size_t stride, size_t rows, Part part) {
  if constexpr (kTogether == 1) {
    return load_part(p, part);
  } else if constexpr (kTogether == 2) {
    const auto half = static_cast<__mmask32>(part.mask);
    const Ints first = _mm512_castsi256_si512(_mm256_maskz_loadu_epi8(half, p));
    return _mm512_inserti64x4(first, _mm256_maskz_loadu_epi8(rows > 1 ? half : 0, p + stride), 1);
  } else {
    const auto quarter = static_cast<__mmask16>(part.mask);
    const auto row = [=](size_t i) { return _mm_maskz_loadu_epi8(rows > i ? quarter : 0, p + i * stride); };
    const Ints two = _mm512_inserti32x4(_mm512_castsi128_si512(row(0)), row(1), 1);
    return _mm512_inserti32x4(_mm512_inserti32x4(two, row(2), 2), row(3), 3);
  }
}

// The fixed row itself: 64-bit products of the even and the odd lanes, clamped to what any code or
// zero point allows.
OCTET_INLINE Ints exact_half(Ints acc, Ints multiplier, Ints shift, Ints zero_point) {
  const Ints one = _mm512_set1_epi64(1);
  const Ints half = _mm512_sllv_epi64(one, _mm512_sub_epi64(shift, one));
  const Ints sum = _mm512_add_epi64(_mm512_mul_epi32(acc, multiplier), half);
  const Ints code = _mm512_add_epi64(_mm512_srav_epi64(sum, shift), zero_point);  // at most 2^41 in size
  return _mm512_max_epi64(_mm512_min_epi64(code, _mm512_set1_epi64(0x7FFF)), _mm512_set1_epi64(-0x7FFF));
}
OCTET_INLINE Ints exact(Ints acc, Ints multiplier, Ints shift, int32_t zero_point) {
  const Ints zp = _mm512_set1_epi64(zero_point);
  const Ints even = exact_half(acc, multiplier, _mm512_and_si512(shift, _mm512_set1_epi64(0xFF)), zp);
  const Ints odd =
      exact_half(_mm512_srli_epi64(acc, 32), _mm512_srli_epi64(multiplier, 32), _mm512_srli_epi64(shift, 32), zp);
  return _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32));
}

}  // namespace
