// SPDX-License-Identifier: Apache-2.0
// The proofs behind the fast kernels that add two products in 16 bits: which packed weights they
// handle exactly.
//
// AVX2: vpmaddubsw computes sat16(a0*w0 + a1*w1) for u8 codes a and s8 weights w of a pair. With codes up
// to q it is exact for every input if and only if
//   q * (max(w0, 0) + max(w1, 0)) <= 32767   and   q * (max(-w0, 0) + max(-w1, 0)) <= 32768
// since the extremes are reached with each code at 0 or q. So for q = 255 two weights of one sign may
// reach 128 together, opposite signs are always safe, and for q = 127 everything is.
//
// NEON: smull and smlal compute a0*w0 + a1*w1 mod 2^16 for s8 codes and weights. A product lies in
// [-128 * 127, 128 * 128] = [-16256, 16384], and is above 128 * 127 only if both factors are -128. Two
// of them stay above -2^15 always, and below 2^15 unless both are 16384: exact unless w0 = w1 = -128.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/microkernels.h"

namespace octet::kernels {

constexpr bool pair_is_safe(int w0, int w1, int max_code) {
  const int up = std::max(w0, 0) + std::max(w1, 0);
  const int down = std::max(-w0, 0) + std::max(-w1, 0);
  return max_code * up <= 32767 && max_code * down <= 32768;
}

constexpr bool signed_pair_is_safe(int w0, int w1) { return w0 != -128 || w1 != -128; }

struct SaturationCount {
  std::size_t pairs = 0;
  std::size_t unsafe = 0;
};

// Pairs are two adjacent k of one column as packed: codes 2i and 2i+1 of `packed`, whatever the
// width of the block, because kr is even.
SaturationCount count_unsafe_pairs(std::span<const std::int8_t> packed, int max_code);

// Pairs are k and k + 8 of 16 of one column (kr = 16): codes i and i + 8 of every 16 in `packed`.
SaturationCount count_unsafe_signed_pairs(std::span<const std::int8_t> packed);

// Of whichever pairs a GEMM that takes plain codes adds in 16 bits; none where it adds none.
SaturationCount count_unsafe(const Gemm& gemm, std::span<const std::int8_t> packed, int max_code);

}  // namespace octet::kernels
