// SPDX-License-Identifier: Apache-2.0
// The vectors that kernels/x86 is written in, 256 bits wide, all but the dot products: those are
// each backend's own (dot.inl). Text for the backend's namespace; needs <immintrin.h> and <string.h>.

namespace {

#define OCTET_INLINE inline __attribute__((always_inline))

using Ints = __m256i;
using Floats = __m256;
enum : size_t {
  kInts = 8,       // in a vector
  kBytes = 32,     // in a vector: the codes of four vectors of accumulators
  kMaxVectors = 2  // of accumulators per row of a GEMM tile
};

OCTET_INLINE Ints load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
OCTET_INLINE Ints load_aligned(const void* p) { return _mm256_load_si256(static_cast<const __m256i*>(p)); }
OCTET_INLINE void store_aligned(void* p, Ints v) { _mm256_store_si256(static_cast<__m256i*>(p), v); }
OCTET_INLINE void store(void* p, Ints v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
OCTET_INLINE Ints zero() { return _mm256_setzero_si256(); }
OCTET_INLINE Ints spread(int32_t v) { return _mm256_set1_epi32(v); }
OCTET_INLINE Ints spread_word(int32_t v) { return _mm256_set1_epi16(static_cast<short>(v)); }
OCTET_INLINE Ints spread_byte(int32_t v) { return _mm256_set1_epi8(static_cast<char>(v)); }
OCTET_INLINE Floats spread(float v) { return _mm256_set1_ps(v); }
OCTET_INLINE Floats as_floats(Ints v) { return _mm256_castsi256_ps(v); }
OCTET_INLINE Ints as_ints(Floats v) { return _mm256_castps_si256(v); }

OCTET_INLINE Floats to_floats(Ints v) { return _mm256_cvtepi32_ps(v); }
OCTET_INLINE Ints to_ints(Floats v) { return _mm256_cvtps_epi32(v); }  // what does not fit: INT32_MIN
OCTET_INLINE Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
OCTET_INLINE Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
OCTET_INLINE Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
OCTET_INLINE Floats minimum(Floats a, Floats b) { return _mm256_min_ps(a, b); }
OCTET_INLINE Floats maximum(Floats a, Floats b) { return _mm256_max_ps(a, b); }
OCTET_INLINE Floats divide(Floats a, Floats b) { return _mm256_div_ps(a, b); }
OCTET_INLINE Floats zero_nan(Floats v) { return _mm256_and_ps(v, _mm256_cmp_ps(v, v, _CMP_ORD_Q)); }
OCTET_INLINE Ints add_ints(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
OCTET_INLINE Ints subtract(Ints a, Ints b) { return _mm256_sub_epi32(a, b); }
OCTET_INLINE Ints multiply_low(Ints a, Ints b) { return _mm256_mullo_epi32(a, b); }
OCTET_INLINE bool all_zero(Ints v) { return _mm256_testz_si256(v, v) != 0; }
// to[0..3] = the sums of all entries of each
OCTET_INLINE void store_sums(int32_t* to, Ints a, Ints b, Ints c, Ints d) {
  const Ints all = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to),
                   _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)));
}
OCTET_INLINE Ints bit_and(Ints a, Ints b) { return _mm256_and_si256(a, b); }
template <int kBy>
OCTET_INLINE Ints shift_left(Ints v) {
  return _mm256_slli_epi32(v, kBy);
}
template <int kBy>
OCTET_INLINE Ints shift_right(Ints v) {
  return _mm256_srai_epi32(v, kBy);
}
OCTET_INLINE Ints shift_right(Ints v, Ints by) { return _mm256_srav_epi32(v, by); }

OCTET_INLINE Ints unpack_low_bytes(Ints a, Ints b) { return _mm256_unpacklo_epi8(a, b); }
OCTET_INLINE Ints unpack_high_bytes(Ints a, Ints b) { return _mm256_unpackhi_epi8(a, b); }
OCTET_INLINE Ints unpack_low_words(Ints a, Ints b) { return _mm256_unpacklo_epi16(a, b); }
OCTET_INLINE Ints unpack_high_words(Ints a, Ints b) { return _mm256_unpackhi_epi16(a, b); }
OCTET_INLINE Ints pack_ints(Ints a, Ints b) { return _mm256_packs_epi32(a, b); }
OCTET_INLINE Ints pack_ints_to_unsigned(Ints a, Ints b) { return _mm256_packus_epi32(a, b); }
OCTET_INLINE Ints pack_words(Ints a, Ints b) { return _mm256_packus_epi16(a, b); }
OCTET_INLINE Ints add_words(Ints a, Ints b) { return _mm256_adds_epi16(a, b); }
OCTET_INLINE Ints subtract_to_zero(Ints a, Ints b) { return _mm256_subs_epu16(a, b); }  // unsigned words, not below 0
OCTET_INLINE Ints subtract_words(Ints a, Ints b) { return _mm256_sub_epi16(a, b); }
OCTET_INLINE Ints multiply_words_low(Ints a, Ints b) { return _mm256_mullo_epi16(a, b); }
OCTET_INLINE Ints multiply_words_high(Ints a, Ints b) { return _mm256_mulhi_epi16(a, b); }
OCTET_INLINE Ints max_bytes(Ints a, Ints b) { return _mm256_max_epu8(a, b); }
OCTET_INLINE Ints clamp_bytes(Ints v, Ints low, Ints high) { return _mm256_min_epu8(_mm256_max_epu8(v, low), high); }

// The first n bytes of a vector. There are no byte masks here: what is not whole goes byte by byte
// through memory; it is the last block of a row only.
struct Part {
  size_t n;
};
OCTET_INLINE Part first_bytes(size_t n) { return {n < kBytes ? n : kBytes}; }
inline void copy_bytes(uint8_t* to, const uint8_t* from, size_t n) {
  for (size_t i = 0; i < n; ++i) to[i] = from[i];
}
OCTET_INLINE Ints load_part(const uint8_t* p, Part part) {
  if (part.n == kBytes) return load(p);
  alignas(32) uint8_t bytes[kBytes] = {};
  copy_bytes(bytes, p, part.n);
  return load_aligned(bytes);
}
OCTET_INLINE void store_part(uint8_t* p, Ints v, Part part) {
  if (part.n == kBytes) return store(p, v);
  alignas(32) uint8_t bytes[kBytes];
  store_aligned(bytes, v);
  copy_bytes(p, bytes, part.n);
}
OCTET_INLINE void store_ints(int32_t* p, Ints v, size_t n) {
  if (n >= kInts) return store(p, v);
  alignas(32) int32_t ints[kInts];
  store_aligned(ints, v);
  for (size_t i = 0; i < n; ++i) p[i] = ints[i];
}

// Ints and floats do have masks.
OCTET_INLINE Ints first_ints(size_t n) {
  return _mm256_cmpgt_epi32(spread(n < kInts ? static_cast<int32_t>(n) : int32_t{kInts}),
                            _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}
OCTET_INLINE Floats load_floats(const float* p, size_t n) {
  return n >= kInts ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, first_ints(n));
}
OCTET_INLINE void store_floats(float* p, Floats v, size_t n) {
  if (n >= kInts) return _mm256_storeu_ps(p, v);
  _mm256_maskstore_ps(p, first_ints(n), v);
}
OCTET_INLINE Ints load_bytes_as_ints(const uint8_t* p, size_t n) {
  if (n >= kInts) return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  alignas(8) uint8_t bytes[8] = {};
  copy_bytes(bytes, p, n);
  return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes)));
}

// Whether any of the values seen has none of the `fraction` bits set.
class Guard {
 public:
  OCTET_INLINE explicit Guard(int32_t fraction) : fraction_(spread(fraction)), least_(spread(-1)) {}
  OCTET_INLINE void see(Ints y) { least_ = _mm256_min_epu32(least_, bit_and(y, fraction_)); }
  OCTET_INLINE bool alarmed() const { return _mm256_movemask_epi8(_mm256_cmpeq_epi32(least_, zero())) != 0; }

 private:
  Ints fraction_, least_;
};

// Four slots packed to bytes: 4L + i of slot s stands at byte 16L + 4s + i. In a row: slot by slot.
OCTET_INLINE Ints row_from_packed(Ints packed) {
  return _mm256_permutevar8x32_epi32(packed, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
OCTET_INLINE Ints packed_from_row(Ints row) {
  return _mm256_permutevar8x32_epi32(row, _mm256_setr_epi32(0, 2, 4, 6, 1, 3, 5, 7));
}

// Lane L from p + L * stride.
OCTET_INLINE Ints load_lanes(const int32_t* p, size_t stride) {
  return _mm256_loadu2_m128i(reinterpret_cast<const __m128i*>(p + stride), reinterpret_cast<const __m128i*>(p));
}
OCTET_INLINE Ints load_lanes_twice(const int32_t* p, size_t) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}
OCTET_INLINE void store_lanes(int32_t* p, size_t stride, Ints v) {
  _mm256_storeu2_m128i(reinterpret_cast<__m128i*>(p + stride), reinterpret_cast<__m128i*>(p), v);
}

// Half a vector's bytes spread over the low halves of the lanes, and back.
OCTET_INLINE Ints load_spread(const void* p) {
  return _mm256_permute4x64_epi64(_mm256_castsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p))), 0x50);
}
OCTET_INLINE void store_16(uint8_t* p, __m128i v, size_t n) {
  if (n >= 16) return _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v);
  alignas(16) uint8_t bytes[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(bytes), v);
  copy_bytes(p, bytes, n);
}
OCTET_INLINE __m128i load_16(const uint8_t* p, size_t n) {
  if (n >= 16) return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
  alignas(16) uint8_t bytes[16] = {};
  copy_bytes(bytes, p, n);
  return _mm_load_si128(reinterpret_cast<const __m128i*>(bytes));
}
OCTET_INLINE void store_spread(uint8_t* p, Ints v, Part part) {
  store_16(p, _mm256_castsi256_si128(_mm256_permute4x64_epi64(v, 0x08)), part.n);
}

// Two halves of a vector.
OCTET_INLINE Ints load_halves(const void* low, const void* high) {
  return _mm256_loadu2_m128i(static_cast<const __m128i*>(high), static_cast<const __m128i*>(low));
}
OCTET_INLINE void store_halves(uint8_t* low, uint8_t* high, Ints v, Part part) {
  store_16(low, _mm256_castsi256_si128(v), part.n);
  store_16(high, _mm256_extracti128_si256(v, 1), part.n);
}

// A vector of bytes that is kTogether rows of equal width, the part of each row that exists, and
// how many of the rows do.
template <int kTogether>
OCTET_INLINE void store_rows(Ints v, uint8_t* p, size_t stride, size_t rows, Part part) {
  static_assert(kTogether == 2 || kTogether == 4, "a row of a tile is at most 16 columns");
  const __m128i low = _mm256_castsi256_si128(v), high = _mm256_extracti128_si256(v, 1);
  if constexpr (kTogether == 2) {
    store_16(p, low, part.n);
    if (rows > 1) store_16(p + stride, high, part.n);
  } else {
    const __m128i row[] = {low, _mm_unpackhi_epi64(low, low), high, _mm_unpackhi_epi64(high, high)};
    for (size_t i = 0; i < rows; ++i) {
      if (part.n == 8) {
        _mm_storel_epi64(reinterpret_cast<__m128i*>(p + i * stride), row[i]);
      } else {
        store_16(p + i * stride, row[i], part.n);
      }
    }
  }
}
template <int kTogether>
OCTET_INLINE Ints load_rows(const uint8_t* p, size_t stride, size_t rows, Part part) {
  const auto row = [=](size_t i) { return load_16(p + i * stride, i < rows ? part.n : 0); };
  if constexpr (kTogether == 2) return _mm256_set_m128i(row(1), row(0));
  return _mm256_set_m128i(_mm_unpacklo_epi64(row(2), row(3)), _mm_unpacklo_epi64(row(0), row(1)));
}

// The fixed row itself: 64-bit products of the even and the odd lanes, clamped to what any code or
// zero point allows. AVX2 shifts 64 bits right only logically: with 2^63 added before and 2^(63-s)
// taken off after, that is the same.
OCTET_INLINE Ints exact_half(Ints acc, Ints multiplier, Ints shift, Ints zero_point) {
  const Ints one = _mm256_set1_epi64x(1), top = _mm256_set1_epi64x(INT64_MIN);
  const Ints most = _mm256_set1_epi64x(0x7FFF), least = _mm256_set1_epi64x(-0x7FFF);
  const Ints half = _mm256_sllv_epi64(one, _mm256_sub_epi64(shift, one));
  const Ints sum = _mm256_add_epi64(_mm256_mul_epi32(acc, multiplier), half);
  const Ints lifted = _mm256_srlv_epi64(_mm256_xor_si256(sum, top), shift);
  const Ints rounded = _mm256_sub_epi64(lifted, _mm256_srlv_epi64(top, shift));  // at most 2^41 in size
  Ints code = _mm256_add_epi64(rounded, zero_point);
  code = _mm256_blendv_epi8(code, most, _mm256_cmpgt_epi64(code, most));
  return _mm256_blendv_epi8(code, least, _mm256_cmpgt_epi64(least, code));
}
OCTET_INLINE Ints exact(Ints acc, Ints multiplier, Ints shift, int32_t zero_point) {
  const Ints zp = _mm256_set1_epi64x(zero_point);
  const Ints even = exact_half(acc, multiplier, bit_and(shift, _mm256_set1_epi64x(0xFF)), zp);
  const Ints odd =
      exact_half(_mm256_srli_epi64(acc, 32), _mm256_srli_epi64(multiplier, 32), _mm256_srli_epi64(shift, 32), zp);
  return _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
}

}  // namespace
