// SPDX-License-Identifier: Apache-2.0
// A 3x3 window in dot products of four codes: a column is its three taps and one that weighs nothing. Needs
// vector.inl.

namespace {

OCTET_INLINE void interleave_taps(Ints t0, Ints t1, Ints t2, Ints t3, Ints (&quad)[4]) {
  const Ints low = unpack_low_bytes(t0, t1), high = unpack_high_bytes(t0, t1);
  const Ints low2 = unpack_low_bytes(t2, t3), high2 = unpack_high_bytes(t2, t3);
  quad[0] = unpack_low_words(low, low2);
  quad[1] = unpack_high_words(low, low2);
  quad[2] = unpack_low_words(high, high2);
  quad[3] = unpack_high_words(high, high2);
}

struct Column {
  Ints quad[4], last;

  OCTET_INLINE Column(Ints t0, Ints t1, Ints t2, Ints) : last(t2) { interleave_taps(t0, t1, t2, t2, quad); }
  // One by one: compilers copy the struct in halves of vectors.
  OCTET_INLINE void assign(const Column& from) {
    OCTET_UNROLL
    for (int s = 0; s < 4; ++s) quad[s] = from.quad[s];
  }
};

template <size_t kStride>
class Window3x3 {
 public:
  // weights(tap): a block's weights of tap 3*ky + kx
  template <class Weights>
  OCTET_INLINE explicit Window3x3(Weights weights) {
    OCTET_UNROLL
    for (size_t kx = 0; kx < 3; ++kx) {
      interleave_taps(weights(kx), weights(3 + kx), weights(6 + kx), zero(), weights_[kx]);
    }
  }

  OCTET_INLINE void sum(const Column& c0, const Column& c1, const Column& c2, const Ints (&bias)[4],
                        Ints (&acc)[4]) const {
    OCTET_UNROLL
    for (int s = 0; s < 4; ++s) {
      acc[s] =
          dot(dot(dot(bias[s], c0.quad[s], weights_[0][s]), c1.quad[s], weights_[1][s]), c2.quad[s], weights_[2][s]);
    }
  }

 private:
  Ints weights_[3][4];
};

}  // namespace
