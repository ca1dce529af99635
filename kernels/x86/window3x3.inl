// SPDX-License-Identifier: Apache-2.0
// A 3x3 window in dot products of four codes: a column is its three taps, the last of them twice. Needs
// vector.inl and taps.inl.

namespace {

struct Column {
  Taps<4> taps;
  Ints last;

  OCTET_INLINE Column(Ints t0, Ints t1, Ints t2, Ints) : taps(interleave<4>(t0, t1, t2, t2)), last(t2) {}
  // One by one: compilers copy the struct in halves of vectors.
  OCTET_INLINE void assign(const Column& from) {
    OCTET_UNROLL
    for (int s = 0; s < 4; ++s) taps.v[s] = from.taps.v[s];
  }
};

template <size_t kStride>
class Window3x3 {
 public:
  // weights(tap): a block's weights of tap 3*ky + kx, ky < 4
  template <class Weights>
  OCTET_INLINE explicit Window3x3(Weights weights) {
    OCTET_UNROLL
    for (size_t kx = 0; kx < 3; ++kx)
      weights_[kx] = interleave<4>(weights(kx), weights(3 + kx), weights(6 + kx), weights(9 + kx));
  }

  OCTET_INLINE void sum(const Column& c0, const Column& c1, const Column& c2, const Ints (&bias)[4],
                        Ints (&acc)[4]) const {
    OCTET_UNROLL
    for (int s = 0; s < 4; ++s) {
      const Ints one = dot(bias[s], c0.taps.v[s], weights_[0].v[s]);
      acc[s] = dot(dot(one, c1.taps.v[s], weights_[1].v[s]), c2.taps.v[s], weights_[2].v[s]);
    }
  }

 private:
  Taps<4> weights_[3];
};

}  // namespace
