// SPDX-License-Identifier: Apache-2.0
// From int32 accumulators to codes, kBytes at a time: four slots of accumulators become two vectors of words and then
// one vector of bytes. Needs slots.inl and a kernel's choice of Fixed: guarded_fixed.inl or integer_fixed.inl.

namespace {

// Requantization of four slots of accumulators whose columns stand in the given Order.
template <class Order>
class Requantizer {
 public:
  // column: of slot 0, counted in the arrays of requant
  OCTET_INLINE Requantizer(const Requant& requant, size_t column)
      : fixed_way_(requant, column),
        low_(spread_byte(requant.min)),
        high_(spread_byte(requant.max)),
        top_(static_cast<float>(requant.max - requant.zero_point)),
        zero_point_(requant.zero_point),
        fixed_(requant.finish == Finish::fixed),
        whole_(requant.min == 0 && requant.max == 255) {
    for (int s = 0; s < Order::kUsed; ++s) scale_[s] = as_floats(Order::load_slot(requant.scale + column, s));
  }

  bool fixed() const { return fixed_; }

  // Codes before the clamp, saturated to words.
  template <bool kFixed>
  OCTET_INLINE Words words(const Ints (&acc)[4]) const {
    return kFixed ? fixed_way_.words(acc) : floating_words(acc);
  }

  // Words to packed and clamped bytes.
  OCTET_INLINE Ints bytes(Words w) const {
    const Ints codes = pack_words(w.low, w.high);
    return whole_ ? codes : clamp_bytes(codes, low_, high_);
  }

 private:
  // A product beyond the largest code must not reach the conversion, where it would turn negative;
  // what is too small becomes INT32_MIN, which saturates as it should.
  OCTET_INLINE Words floating_words(const Ints (&acc)[4]) const {
    const Floats top = spread(top_);
    const Ints zero_point = spread_word(zero_point_);
    Ints code[4];
    for (int s = 0; s < Order::kUsed; ++s) {
      code[s] = to_ints(minimum(multiply(to_floats(acc[s]), scale_[s]), top));
    }
    const Words w = pack_slots<Order>(code);
    return {add_words(w.low, zero_point), add_words(w.high, zero_point)};
  }

  Fixed<Order> fixed_way_;
  Floats scale_[4];
  Ints low_, high_;
  float top_;
  int32_t zero_point_;
  bool fixed_, whole_;  // whole_: packing is clamp enough
};

// The Add row on two vectors of codes, in any order.
//
// fixed: with m = 128 * h + l, 0 <= l < 128, the sum is (a,b).(la,lb) + (128a,128b).(ha,hb) + rest,
// two vpdpwssd on pairs of words: |h| <= 2^14 and 128 * 255 < 2^15 fit. Partial sums may wrap; the
// whole fits int32, mostly even with zo << shift in it.
class Adder {
 public:
  OCTET_INLINE explicit Adder(const AddParams& p)
      : shift_(spread(p.shift)),
        zero_(spread_word(p.zo)),
        low_(spread_byte(p.min)),
        high_(spread_byte(p.max)),
        fa_(p.fa),
        fb_(p.fb),
        fc_(p.fc),
        top_(static_cast<float>(p.max - p.zo)),
        za_(p.za),
        zb_(p.zb),
        fixed_(p.finish == Finish::fixed),
        whole_(p.min == 0 && p.max == 255),
        b_first_(p.b_first) {
    const int64_t zero = static_cast<int64_t>(p.zo) << p.shift;
    const int64_t largest = 255 * ((p.ma < 0 ? -int64_t{p.ma} : p.ma) + (p.mb < 0 ? -int64_t{p.mb} : p.mb));
    zero_inside_ = fixed_ && largest + zero + (int64_t{1} << p.shift) <= INT32_MAX;
    const uint32_t constant = (1U << (p.shift - 1)) - static_cast<uint32_t>(p.ma) * static_cast<uint32_t>(p.za) -
                              static_cast<uint32_t>(p.mb) * static_cast<uint32_t>(p.zb);
    constant_ = spread(static_cast<int32_t>(constant + (zero_inside_ ? static_cast<uint32_t>(zero) : 0U)));
    fine_ = spread((p.ma & 127) | (p.mb & 127) << 16);
    coarse_ = spread(((p.ma >> 7) & 0xFFFF) | static_cast<int32_t>(static_cast<uint32_t>(p.mb >> 7) << 16));
  }

  OCTET_INLINE Ints operator()(Ints a, Ints b) const {
    const Ints codes = pack_words(half(unpack_low_bytes(a, b)), half(unpack_high_bytes(a, b)));
    return whole_ ? codes : clamp_bytes(codes, low_, high_);
  }

 private:
  // Pairs of bytes become pairs of words, are added, and become words.
  OCTET_INLINE Ints half(Ints pairs) const {
    const Ints low = unpack_low_bytes(pairs, zero()), high = unpack_high_bytes(pairs, zero());
    const Ints codes = fixed_ ? pack_ints(fixed(low), fixed(high)) : pack_ints(floating(low), floating(high));
    return zero_inside_ ? codes : add_words(codes, zero_);
  }
  OCTET_INLINE Ints fixed(Ints pairs) const {
    const Ints fine = dot_words(constant_, pairs, fine_);
    return shift_right(dot_words(fine, shift_left<7>(pairs), coarse_), shift_);
  }
  OCTET_INLINE Ints floating(Ints pairs) const {
    const Floats a = to_floats(subtract(bit_and(pairs, spread(0xFFFF)), spread(za_)));
    const Floats b = to_floats(subtract(shift_right<16>(pairs), spread(zb_)));
    const Floats sum = b_first_ ? multiply_add(b, spread(fb_), multiply_add(a, spread(fa_), spread(fc_)))
                                : multiply_add(a, spread(fa_), multiply_add(b, spread(fb_), spread(fc_)));
    return to_ints(minimum(sum, spread(top_)));
  }

  Ints constant_, fine_, coarse_, shift_, zero_, low_, high_;
  float fa_, fb_, fc_, top_;
  int32_t za_, zb_;
  bool fixed_, whole_, b_first_, zero_inside_;
};

}  // namespace
