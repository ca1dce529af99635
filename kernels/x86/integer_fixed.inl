// SPDX-License-Identifier: Apache-2.0
// Finish::fixed in integers, 256 bits wide: no guard, no branch, the same time for any values. Needs
// vector256.inl and slots.inl.
//
// floor(u), u = zp + 1/2 + acc * m * 2^-s, from the high halves of the 64-bit products: with s > 32,
//   floor((acc * m + (2*zp + 1) * 2^(s-1)) / 2^s) = (floor(acc * m / 2^32) + (2*zp + 1) * 2^(s-33)) >> (s - 32),
// since a multiple of 2^32 may be added after the first floor as well as before. For s <= 53 the constant stays below
// 2^29; the high half is at most 2^30 in size: no sum leaves int32. Other shifts, factors beyond 1/4 or below 2^-22,
// take the long way.

namespace {

template <class Order>
class Fixed {
 public:
  // column: of slot 0, counted in the arrays of requant
  OCTET_INLINE Fixed(const Requant& requant, size_t column)
      : multipliers_(requant.multiplier + column), shifts_(requant.shift + column), zero_point_(requant.zero_point) {
    Ints outside = zero();
    for (int s = 0; s < Order::kUsed; ++s) {
      even_[s] = Order::load_slot(multipliers_, s);
      odd_[s] = odd_to_even(even_[s]);
      // A factor of 0 has any shift, and needs none.
      const Ints none = _mm256_cmpeq_epi32(even_[s], zero());
      const Ints shift = _mm256_blendv_epi8(Order::load_slot(shifts_, s), spread(33), none);
      const Ints too_far =
          _mm256_or_si256(_mm256_cmpgt_epi32(spread(33), shift), _mm256_cmpgt_epi32(shift, spread(53)));
      outside = _mm256_or_si256(outside, too_far);
      rounding_[s] = _mm256_sllv_epi32(spread(2 * zero_point_ + 1), subtract(shift, spread(33)));
      rest_[s] = subtract(shift, spread(32));
    }
    short_ = all_zero(outside);
  }

  OCTET_INLINE Words words(const Ints (&acc)[4]) const {
    if (__builtin_expect(!short_, 0)) return long_way(acc[0], acc[1], acc[2], acc[3]);
    Ints code[4];
    for (int s = 0; s < Order::kUsed; ++s) {
      const Ints even = _mm256_mul_epi32(acc[s], even_[s]), odd = _mm256_mul_epi32(odd_to_even(acc[s]), odd_[s]);
      const Ints high = _mm256_blend_epi32(odd_to_even(even), odd, 0xAA);
      code[s] = shift_right(add_ints(high, rounding_[s]), rest_[s]);
    }
    return pack_slots<Order>(code);
  }

 private:
  static OCTET_INLINE Ints odd_to_even(Ints v) { return _mm256_srli_epi64(v, 32); }

  __attribute__((noinline)) Words long_way(Ints a, Ints b, Ints c, Ints d) const {
    return finish_exactly<Order>({a, b, c, d}, multipliers_, shifts_, zero_point_);
  }

  Ints even_[4], odd_[4], rounding_[4], rest_[4];
  const int32_t *multipliers_, *shifts_;
  int32_t zero_point_;
  bool short_;
};

}  // namespace
