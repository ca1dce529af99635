// SPDX-License-Identifier: Apache-2.0
// Elementary functions whose bits do not depend on the system's libm: additions, multiplications,
// divisions and square roots, all of which IEEE 754 rounds exactly. At most 2 ulp off (osigmoid
// 2.1), as tests/kernels/fp32_elementary.cpp measures. Written without branches where loops over them
// are worth vectorizing.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/exact_math.h"
#include "kernels/fp32/exp.h"

namespace octet::kernels::fp32 {

inline float osigmoid(float x) {
  const float e = oexp(-std::fabs(x));  // never overflows
  return (x < 0.0F ? e : 1.0F) / (1.0F + e);
}

inline float otanh(float x) {
  const float a = std::fabs(x);
  const float z = a * a;
  float q = 0x1.197b94p-9F;  // (tanh(x) - x) / x^3 in z = x^2, minimax on |x| < 0.625
  q = q * z - 0x1.0c214ep-7F;
  q = q * z + 0x1.6394dap-6F;
  q = q * z - 0x1.b9ef7ep-5F;
  q = q * z + 0x1.11106cp-3F;
  q = q * z - 0x1.555554p-2F;
  const float near = a + (a * z) * q;
  const float far = 1.0F - 2.0F / (oexp(2.0F * a) + 1.0F);
  return std::copysign(a < 0.625F ? near : far, x);
}

inline float oerf(float x) {
  const float a = std::fabs(x);
  const float z = a * a;
  float q = -0x1.4383f6p-17F;  // (erf(x) - x) / x in z = x^2, minimax on |x| < 1
  q = q * z + 0x1.d8268ap-14F;
  q = q * z - 0x1.bcbe98p-11F;
  q = q * z + 0x1.5628eep-8F;
  q = q * z - 0x1.b829a8p-6F;
  q = q * z + 0x1.ce2f08p-4F;
  q = q * z - 0x1.812746p-2F;
  q = q * z + 0x1.06eba8p-3F;
  const float near = a + a * q;
  const float b = a > 4.0F ? 4.0F : a;  // erf(4) rounds to 1
  float p = 0x1.6bd7acp-16F;            // -log(erfc(x)), minimax on [1, 4]
  p = p * b - 0x1.cec5d6p-12F;
  p = p * b + 0x1.138caep-8F;
  p = p * b - 0x1.9d02fap-6F;
  p = p * b + 0x1.bc1512p-4F;
  p = p * b + 0x1.443568p-1F;
  p = p * b + 0x1.212c0cp+0F;
  p = p * b - 0x1.8a565cp-13F;
  const float far = 1.0F - oexp(-p);
  return std::copysign(a < 1.0F ? near : far, x);
}

// Rounded from double, where the series of kernels/exact_math.h leave nothing to lose.
inline float olog(float x) { return static_cast<float>(exact::log(static_cast<double>(x))); }

// log(1 + e^x)
inline float osoftplus(float x) {
  const float tail = static_cast<float>(exact::log1p(static_cast<double>(oexp(-std::fabs(x)))));
  return (x > 0.0F ? x : 0.0F) + tail;
}

// x^n by repeated squaring in double: |n| < 2^24 costs at most 48 roundings of 2^-53.
inline float power_of_integer(float x, std::int32_t n) {
  double power = 1, square = x;
  for (std::uint32_t rest = static_cast<std::uint32_t>(n < 0 ? -n : n); rest != 0; rest /= 2) {
    if (rest % 2 != 0) power *= square;
    square *= square;
  }
  return static_cast<float>(n < 0 ? 1 / power : power);
}

// The special values follow C's pow.
inline float opow(float x, float y) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (y == 2) return x * x;
  if (y == 0.5F) return x == -kInfinity ? kInfinity : std::sqrt(x) + 0.0F;  // + 0: the root of -0 is -0
  if (y == -1) return 1 / x;
  if (y == 0 || x == 1) return 1;
  if (x != x || y != y) return x + y;
  const bool is_integer = std::floor(y) == y;
  if (is_integer && std::fabs(y) < 0x1p24F) return power_of_integer(x, static_cast<std::int32_t>(y));
  const float a = std::fabs(x);
  if (std::fabs(y) == kInfinity) return a == 1 ? 1 : (a > 1) == (y > 0) ? kInfinity : 0;
  // From here on an integer y is even, so the sign of x is lost.
  if (a == 0 || a == kInfinity) return (a == 0) == (y > 0) ? 0 : kInfinity;
  if (x < 0 && !is_integer) return std::numeric_limits<float>::quiet_NaN();
  return static_cast<float>(exact::exp(static_cast<double>(y) * exact::log(static_cast<double>(a))));
}

}  // namespace octet::kernels::fp32
