// SPDX-License-Identifier: Apache-2.0
// A 3x3 window in vpmaddubsw. Pairs of whole weights would saturate, so each is split, w = 16 * high + low with both
// in [-8, 8]: then all nine taps stay in words, 9 * 255 * 8 < 2^15, and one vpmaddwd by (1, 16) joins the two sums.
// (Three weights may be up to 255 in size: 255 * (6 * 8 + 3 * 16) < 2^15.)
// Words hold twice as many channels as vpmaddwd on widened codes would, which makes up for multiplying twice, and
// nothing is widened. Needs vector256.inl.

namespace {

struct Column {
  Ints pair[2];    // rows 0 and 1, interleaved
  Ints beside[2];  // row 2 of the column before and of this one
  Ints last;       // row 2

  // before: row 2 of the column before
  OCTET_INLINE Column(Ints t0, Ints t1, Ints t2, Ints before)
      : pair{unpack_low_bytes(t0, t1), unpack_high_bytes(t0, t1)},
        beside{unpack_low_bytes(before, t2), unpack_high_bytes(before, t2)},
        last(t2) {}
  OCTET_INLINE void assign(const Column& from) {
    OCTET_UNROLL
    for (int half = 0; half < 2; ++half) pair[half] = from.pair[half], beside[half] = from.beside[half];
    last = from.last;
  }
};

template <size_t kStride>
class Window3x3 {
 public:
  // weights(tap): a block's weights of tap 3*ky + kx
  template <class Weights>
  OCTET_INLINE explicit Window3x3(Weights weights) {
    const auto upper = [&](size_t tap) { return Whole{weights(tap), zero()}; };
    const auto lower = [&](size_t kx) { return Whole{weights(6 + kx), weights(9 + kx)}; };
    const Whole none = {zero(), zero()};
    split(upper(0), upper(3), 0);
    split(kShared ? lower(0) : none, lower(kShared ? 1 : 0), 1);
    split(upper(1), upper(4), 2);
    split(upper(2), upper(5), 3);
    split(kShared ? none : lower(1), lower(2), 4);
  }

  OCTET_INLINE void sum(const Column& c0, const Column& c1, const Column& c2, const Ints (&bias)[4],
                        Ints (&acc)[4]) const {
    OCTET_UNROLL
    for (int half = 0; half < 2; ++half) {
      const Ints codes[5] = {c0.pair[half], kShared ? c1.beside[half] : c0.beside[half], c1.pair[half], c2.pair[half],
                             c2.beside[half]};
      sum_half(codes, half, bias, acc);
    }
  }

 private:
  // Of row 2, the columns beside each other that the output before interleaved already serve this one, too: with
  // stride 1 its last two are the first two here, with stride 2 the last of them is the first.
  static constexpr bool kShared = kStride == 1;

  // GCC would make all products before it adds any, and spill them.
  static OCTET_INLINE void keep_order(Ints& v) { asm("" : "+x"(v)); }  // NOLINT

  OCTET_INLINE void sum_half(const Ints (&codes)[5], int half, const Ints (&bias)[4], Ints (&acc)[4]) const {
    Ints high = _mm256_maddubs_epi16(codes[0], high_[0][half]), low = _mm256_maddubs_epi16(codes[0], low_[0][half]);
    keep_order(high), keep_order(low);
    OCTET_UNROLL
    for (int p = 1; p < 5; ++p) {
      high = _mm256_add_epi16(high, _mm256_maddubs_epi16(codes[p], high_[p][half]));
      keep_order(high);
      low = _mm256_add_epi16(low, _mm256_maddubs_epi16(codes[p], low_[p][half]));
      keep_order(low);
    }
    const Ints join = spread(1 | 16 << 16);
    acc[2 * half] = dot_words(bias[2 * half], unpack_low_words(low, high), join);
    acc[2 * half + 1] = dot_words(bias[2 * half + 1], unpack_high_words(low, high), join);
  }

  // A weight is the sum of two codes.
  struct Whole {
    Ints code, more;
    Ints words(int half) const { return _mm256_add_epi16(half_of(code, half), half_of(more, half)); }
    static Ints half_of(Ints v, int half) {
      return _mm256_srai_epi16(half == 0 ? unpack_low_bytes(zero(), v) : unpack_high_bytes(zero(), v), 8);
    }
  };

  void split(const Whole& a, const Whole& b, int pair) {
    for (int half = 0; half < 2; ++half) {
      const Ints first = a.words(half), second = b.words(half);
      const Ints high1 = high_part(first), high2 = high_part(second);
      high_[pair][half] = join_bytes(high1, high2);
      low_[pair][half] = join_bytes(low_part(first, high1), low_part(second, high2));
    }
  }
  static Ints high_part(Ints w) { return _mm256_srai_epi16(_mm256_add_epi16(w, spread_word(8)), 4); }
  static Ints low_part(Ints w, Ints high) { return _mm256_sub_epi16(w, _mm256_slli_epi16(high, 4)); }
  static Ints join_bytes(Ints first, Ints second) {
    return _mm256_or_si256(bit_and(first, spread_word(0xFF)), _mm256_slli_epi16(second, 8));
  }

  Ints high_[5][2], low_[5][2];
};

}  // namespace
