// SPDX-License-Identifier: Apache-2.0
// From int32 accumulators to codes, kBytes at a time: four vectors ("slots") of accumulators become
// two vectors of words and then one vector of bytes. Packing works within 128-bit lanes: see
// row_from_packed. Written in the vectors of a backend's vector.inl, which must come before.

namespace {

#define OCTET_UNROLL _Pragma("GCC unroll 32")

struct Words {
  Ints low, high;  // slots 0 and 1, slots 2 and 3
};

// Where the per-column entries of slot s stand in an array: kSlots vectors in a row (slots beyond
// start again: they are further rows of the same columns) ...
template <int kSlots>
struct RowOrder {
  enum : int { kUsed = 4 };
  static OCTET_INLINE Ints load_slot(const void* base, int slot) {
    return load(static_cast<const int32_t*>(base) + kInts * static_cast<size_t>(slot % kSlots));
  }
};

// ... or in the order of packing, lane L of slot s holding columns 4*(kSlots*L + s) and three more ...
template <int kSlots>
struct LaneOrder {
  enum : int { kUsed = kSlots };
  static OCTET_INLINE Ints load_slot(const void* base, int slot) {
    return load_lanes(static_cast<const int32_t*>(base) + 4 * slot, 4 * kSlots);
  }
};

// ... or one entry for all.
struct OneEntry {
  enum : int { kUsed = 4 };
  static OCTET_INLINE Ints load_slot(const void* base, int) { return spread(*static_cast<const int32_t*>(base)); }
};

// Requantization of four slots of accumulators whose columns stand in the given Order.
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
// About one value in 4096 is near a tie; then all four slots are redone with integers.
template <class Order>
class Requantizer {
 public:
  // column: of slot 0, counted in the arrays of requant
  OCTET_INLINE Requantizer(const Requant& requant, size_t column)
      : low_(spread_byte(requant.min)),
        high_(spread_byte(requant.max)),
        multiplier_(requant.multiplier + column),
        shift_(requant.shift + column),
        offset_(static_cast<float>((2 * requant.zero_point + 1) * (1 << (kFraction - 1)) + 1)),
        top_(static_cast<float>(requant.max - requant.zero_point)),
        zero_point_(requant.zero_point),
        fixed_(requant.finish == Finish::fixed),
        whole_(requant.min == 0 && requant.max == 255) {
    for (int s = 0; s < Order::kUsed; ++s) {
      if (fixed_) {
        const Ints exponent = subtract(spread(127 + kFraction), Order::load_slot(shift_, s));  // of 2^(14-s)
        scale_[s] = multiply(to_floats(Order::load_slot(multiplier_, s)), as_floats(shift_left<23>(exponent)));
      } else {
        scale_[s] = as_floats(Order::load_slot(requant.scale + column, s));
      }
    }
  }

  bool fixed() const { return fixed_; }

  // Codes before the clamp, saturated to words.
  template <bool kFixed>
  OCTET_INLINE Words words(const Ints (&acc)[4]) const {
    return kFixed ? fixed_words(acc) : floating_words(acc);
  }

  // Words to packed and clamped bytes.
  OCTET_INLINE Ints bytes(Words w) const {
    const Ints codes = pack_words(w.low, w.high);
    return whole_ ? codes : clamp_bytes(codes, low_, high_);
  }

 private:
  enum : int { kFraction = 14 };

  OCTET_INLINE Words fixed_words(const Ints (&acc)[4]) const {
    const Floats offset = spread(offset_);
    Guard guard((1 << kFraction) - 4);
    Ints code[4];
    for (int s = 0; s < Order::kUsed; ++s) {
      const Ints y = to_ints(multiply_add(to_floats(acc[s]), scale_[s], offset));
      guard.see(y);
      code[s] = shift_right<kFraction>(y);
    }
    if (__builtin_expect(guard.alarmed(), 0)) {
      return Order::kUsed == 4 ? exact_words(acc[0], acc[1], acc[2], acc[3]) : exact_words(acc[0], acc[1]);
    }
    return pack(code);
  }

  // Out of line, by value: nothing of it may cost the fast path a register or a store.
  template <class... Slots>
  __attribute__((noinline)) Words exact_words(Slots... slots) const {
    const Ints acc[] = {slots...};
    Ints code[4];
    for (int s = 0; s < Order::kUsed; ++s) {
      code[s] = exact(acc[s], Order::load_slot(multiplier_, s), Order::load_slot(shift_, s), zero_point_);
    }
    return pack(code);
  }

  // A product beyond the largest code must not reach the conversion, where it would turn negative;
  // what is too small becomes INT32_MIN, which saturates as it should.
  OCTET_INLINE Words floating_words(const Ints (&acc)[4]) const {
    const Floats top = spread(top_);
    const Ints zero_point = spread_word(zero_point_);
    Ints code[4];
    for (int s = 0; s < Order::kUsed; ++s) {
      code[s] = to_ints(minimum(multiply(to_floats(acc[s]), scale_[s]), top));
    }
    const Words w = pack(code);
    return {add_words(w.low, zero_point), add_words(w.high, zero_point)};
  }

  static OCTET_INLINE Words pack(const Ints (&code)[4]) {
    const Ints low = pack_ints(code[0], code[1]);
    return {low, Order::kUsed == 4 ? pack_ints(code[2], code[3]) : low};
  }

  Floats scale_[4];
  Ints low_, high_;
  const int32_t *multiplier_, *shift_;
  float offset_, top_;
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
