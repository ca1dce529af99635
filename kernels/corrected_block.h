// SPDX-License-Identifier: Apache-2.0
// Two ways to have exact sums of u8 x s8 products from 16-bit arithmetic, for the price of constants that are known
// when weights are packed. (kernels/saturation.h says when vpmaddubsw alone is exact.)
//
// Complement: a*w = 255*w + (255 - a)*(-w). Two weights of opposite signs never leave 16 bits, only those of one sign
// may; so of such a pair one changes its sign, the kernel complements its code by an exclusive or with 255, and the sum
// lacks 255*w whatever the codes are. That works for every pair but (-128, -128), as there is no weight 128.
//
// Quads: vpmaddubsw saturates, but the additions that follow wrap. With codes up to q the sum of four products lies in
// an interval of length q * (|w0| + .. + |w3|). If that is at most 65535, a constant c moves the interval into
// [-2^15, 2^15), and two results of vpmaddubsw and c, added mod 2^16, are the exact sum plus c: one vpmaddwd serves
// twice as many products. Weights within +-64, and all weights where codes have seven bits, allow it.
#pragma once

#include <cstddef>
#include <span>

#include "kernels/pack.h"

namespace octet::kernels {

// A block for a Gemm whose packing is kPackComplement or kPackQuads, each part padded to kWeightAlignment:
//   corrections  (1 + taps, block width) int32, added mod 2^32: for all taps together, then for each tap alone
//   weights      int8 (taps, steps, block width / nu, parts, nu, 4); a step is
//                complement: 4 k, whose parts are weights, and masks that are 0 or 255
//                quads: 8 k, whose parts are the weights of 4, those of the next 4, and the constants int16 (nu, 2):
//                       of k 0, 1, 4 and 5, and of k 2, 3, 6 and 7
std::size_t corrected_bytes(const Gemm& gemm, std::size_t taps, std::size_t kc, std::size_t n);

// Whether these columns can be packed so, to be exact for codes up to max_code.
bool can_correct(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
                 int max_code);

// Only columns that can. `out` has corrected_bytes, aligned to kWeightAlignment.
void pack_corrected(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
                    int max_code, void* out);

// Whether no 16-bit sum of a block from elsewhere leaves 16 bits. Its corrections and masks are not judged: wrong ones
// give wrong numbers, as wrong weights do.
bool corrected_is_exact(const Gemm& gemm, std::span<const std::byte> block, std::size_t taps, std::size_t kc,
                        std::size_t n, int max_code);

}  // namespace octet::kernels
