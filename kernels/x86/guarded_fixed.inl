// SPDX-License-Identifier: Apache-2.0
// Finish::fixed in floats, guarded against ties. Needs slots.inl. kernels/x86/integer_fixed.inl is the other way: a
// kernel takes what measures faster.
//
// Finish::fixed asks for floor(u) with u = zp + 1/2 + acc * m * 2^-s. The guarded fast path computes
// y = 2^23 + u * 2^15 + 1 with one fused multiply-add in f32. Between 2^23 and 2^24 floats are the integers, in
// order, so the bits of y hold the code above 15 bits of fraction, and no conversion is needed. That is used only
// where it is proved to be floor(u). Let t = 2^23 + u * 2^15 + 1 exactly.
//   - f32(acc) and f32(m) are off by 2^-24 each, relatively; 2^(15-s) is exact. The offset 2^23 + (zp + 1/2) * 2^15 + 1
//     is an integer below 2^24: exact.
//   - Where 0 <= u < 256, t and the offset lie in [2^23, 2^24], so the product is at most 2^23 and off by no more than
//     1.0000001, and the sum is rounded by at most 1/2: |y - t| < 1.51.
//   - If y mod 2^15 is none of 0, 1, 2, 3, then t - 1 >= y - 2.51 and t - 1 <= y + 0.51 have no multiple of 2^15
//     between them and y: (y - 2^23) >> 15 = floor(u).
//   - Elsewhere u < 0 or u >= 256, and a relative error of 2^-23 cannot take y to a code above 0 or below 255. Floats
//     are ordered like their bits, negative ones are negative integers, and |u| < 2^42 stays far from infinity: packing
//     and the clamp make these codes 0 and 255, as the true ones.
// About one value in 8192 is near a tie; then all four slots are redone with integers.

namespace {

template <class Order>
class Fixed {
 public:
  // column: of slot 0, counted in the arrays of requant
  OCTET_INLINE Fixed(const Requant& requant, size_t column)
      : multiplier_(requant.multiplier + column),
        shift_(requant.shift + column),
        offset_(static_cast<float>((1 << 23) + (2 * requant.zero_point + 1) * (1 << (kFraction - 1)) + 1)),
        zero_point_(requant.zero_point) {
    for (int s = 0; s < Order::kUsed; ++s) {
      const Ints exponent = subtract(spread(127 + kFraction), Order::load_slot(shift_, s));  // of 2^(15-s)
      scale_[s] = multiply(to_floats(Order::load_slot(multiplier_, s)), as_floats(shift_left<23>(exponent)));
    }
  }

  OCTET_INLINE Words words(const Ints (&acc)[4]) const {
    const Floats offset = spread(offset_);
    Guard guard((1 << kFraction) - 4);
    Ints code[4];
    for (int s = 0; s < Order::kUsed; ++s) {
      const Ints y = as_ints(multiply_add(to_floats(acc[s]), scale_[s], offset));
      guard.see(y);
      code[s] = shift_right<kFraction>(y);
    }
    if (__builtin_expect(guard.alarmed(), 0)) {
      return Order::kUsed == 4 ? exact_words(acc[0], acc[1], acc[2], acc[3]) : exact_words(acc[0], acc[1]);
    }
    const Ints lifted = spread_word(kLifted), low = subtract_to_zero(pack_ints_to_unsigned(code[0], code[1]), lifted);
    return {low, Order::kUsed == 4 ? subtract_to_zero(pack_ints_to_unsigned(code[2], code[3]), lifted) : low};
  }

 private:
  enum : int {
    kFraction = 15,
    kLifted = 0x4B000000 >> kFraction  // what the bits of 2^23 leave above the fraction
  };

  // Out of line, by value: nothing of it may cost the fast path a register or a store.
  template <class... Slots>
  __attribute__((noinline)) Words exact_words(Slots... slots) const {
    return finish_exactly<Order>({slots...}, multiplier_, shift_, zero_point_);
  }

  Floats scale_[4];
  const int32_t *multiplier_, *shift_;
  float offset_;
  int32_t zero_point_;
};

}  // namespace
