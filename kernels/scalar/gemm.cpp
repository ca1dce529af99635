// SPDX-License-Identifier: Apache-2.0
#include "kernels/scalar/scalar.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/requantize.inl"

namespace {

// What becomes of one finished sum.
template <class Code>
void store(const GemmArgs& args, size_t i, size_t j, int32_t sum) {
  const size_t at = i * args.out_stride + j;
  if (args.requant->finish == Finish::accumulators) {
    static_cast<int32_t*>(args.out)[at] =
        static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(args.requant->bias[j]));
    return;
  }
  int32_t code = requantize(*args.requant, j, sum);
  if (args.add != nullptr) {
    code = add_codes(*args.add, code, static_cast<Code>(args.residual[i * args.residual_stride + j]));
  }
  static_cast<uint8_t*>(args.out)[at] = static_cast<uint8_t>(code);
}

// Unsigned, so that a sum beyond int32 wraps like every other accumulator.
template <class Code>
uint32_t sum_of_row(const GemmArgs& args, size_t i) {
  uint32_t sum = 0;
  for (size_t t = 0; t < args.taps; ++t) {
    const uint8_t* const a = args.rows[i * args.taps + t];
    for (size_t p = 0; p < args.kc; ++p) sum += static_cast<uint32_t>(static_cast<Code>(a[p]));
  }
  return sum;
}

}  // namespace

// One row times kGemmNu columns at a time: their sums stay in registers, and kr = 1 lets the
// compiler use whatever vectors it has.
template <class Code>
void gemm(const GemmArgs& args) {
  static_assert(kGemmKr == 1);
  const size_t width = (args.n + kGemmNu - 1) / kGemmNu * kGemmNu;
  for (size_t i = 0; i < args.m; ++i) {
    const uint32_t row_sum = args.weight_zero != nullptr ? sum_of_row<Code>(args, i) : 0;
    for (size_t j0 = 0; j0 < args.n; j0 += kGemmNu) {
      uint32_t sums[kGemmNu] = {};
      if (args.weight_zero != nullptr) {
        for (size_t j = 0; j < kGemmNu; ++j) sums[j] = 0U - static_cast<uint32_t>(args.weight_zero[j0 + j]) * row_sum;
      }
      for (size_t e = 0; e < args.n_extras; ++e) {
        const GemmExtra& extra = args.extras[e];
        const int32_t code = static_cast<Code>(args.rows[i * args.taps + extra.tap][extra.k]);
        for (size_t j = 0; j < kGemmNu; ++j) sums[j] += static_cast<uint32_t>(code * extra.weights[4 * (j0 + j)]);
      }
      const int8_t* w = static_cast<const int8_t*>(args.weights) + j0;  // (taps, kc, width)
      for (size_t t = 0; t < args.taps; ++t) {
        const uint8_t* const a = args.rows[i * args.taps + t];
        for (size_t p = 0; p < args.kc; ++p, w += width) {
          // A product of two codes fits 16 bits: |255 * -128| < 2^15. Sums wrap mod 2^32, as the bias does.
          const int16_t code = static_cast<Code>(a[p]);
          for (size_t j = 0; j < kGemmNu; ++j) sums[j] += static_cast<uint32_t>(static_cast<int16_t>(code * w[j]));
        }
      }
      for (size_t j = 0; j < kGemmNu && j0 + j < args.n; ++j)
        store<Code>(args, i, j0 + j, static_cast<int32_t>(sums[j]));
    }
  }
}

template void gemm<uint8_t>(const GemmArgs&);
template void gemm<int8_t>(const GemmArgs&);

}  // namespace octet::kernels::OCTET_BACKEND_NS
