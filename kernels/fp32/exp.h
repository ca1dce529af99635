// SPDX-License-Identifier: Apache-2.0
// e^x from multiplications, additions and integer shifts only, so that its bits do not depend on the
// system's libm. At most 1 ulp off over all floats (tests/kernels/fp32_elementary.cpp).
#pragma once

#include <bit>
#include <cstdint>

namespace octet::kernels::fp32 {

// e^r - 1 for |r| <= ln(2)/2: r + r^2 q(r), q the minimax polynomial of degree 4 (3e-9 relative to e^r).
inline float expm1_near_zero(float r) {
  float q = 0x1.6a242cp-10F;
  q = q * r + 0x1.1239e2p-7F;
  q = q * r + 0x1.5558f2p-5F;
  q = q * r + 0x1.555492p-3F;
  q = q * r + 0x1.fffffcp-2F;
  return r + (r * r) * q;
}

// 2^k for k in [-126, 127].
inline float power_of_two(std::int32_t k) { return std::bit_cast<float>((k + 127) << 23); }

// x = k ln(2) + r, for finite |x| up to 105. Adding 1.5 * 2^23 rounds to an integer; ln(2) is split into
// 15 bits, whose product with k (8 bits) is exact, and the rest.
struct ReducedArgument {
  float r;
  std::int32_t k;
};
inline ReducedArgument reduce_by_ln2(float x) {
  const float rounder = 12582912.0F;
  const float k = (x * 0x1.715476p+0F + rounder) - rounder;
  return {(x - k * 0x1.62e4p-1F) - k * 0x1.7f7d1cp-20F, static_cast<std::int32_t>(k)};
}

// Free of branches: the selections become masks when a loop over it is vectorized.
inline float oexp(float x) {
  float bounded = x < -104.0F ? -104.0F : x;    // e^-104 rounds to 0
  bounded = bounded > 89.0F ? 89.0F : bounded;  // e^89 overflows
  bounded = x == x ? bounded : 0.0F;            // NaN must not reach the conversion to int
  const ReducedArgument reduced = reduce_by_ln2(bounded);
  // 2^k in two factors: k reaches from -150 (subnormal results, rounded once) to 128.
  const std::int32_t half = reduced.k >> 1;
  const float y = (1.0F + expm1_near_zero(reduced.r)) * power_of_two(half) * power_of_two(reduced.k - half);
  return x == x ? y : x;
}

// e^x - 1 for x <= 0, without the cancellation near 0: 2^k (e^r - 1) + (2^k - 1) rounds only the sum.
inline float oexpm1_of_negative(float x) {
  float bounded = x < -30.0F ? -30.0F : x;  // e^-30 - 1 rounds to -1
  bounded = x < 0.0F ? bounded : 0.0F;
  const ReducedArgument reduced = reduce_by_ln2(bounded);
  const float scale = power_of_two(reduced.k);
  const float y = scale * expm1_near_zero(reduced.r) + (scale - 1.0F);
  return x == x ? y : x;
}

}  // namespace octet::kernels::fp32
