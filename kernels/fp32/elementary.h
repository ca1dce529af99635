// SPDX-License-Identifier: Apache-2.0
// Elementary functions whose bits do not depend on the system's libm: additions, multiplications,
// divisions and square roots, all of which IEEE 754 rounds exactly. At most 2 ulp off. Written
// without branches where loops over them are worth vectorizing.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "kernels/fp32/exp.h"

namespace octet::kernels::fp32 {

// e^x - 1 without the cancellation near 0.
inline float oexpm1(float x) {
  const float near = expm1_near_zero(x);
  const float far = oexp(x) - 1.0F;
  return std::fabs(x) < 0.34F ? near : far;
}

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

// The logarithms work in double, where the plain series are exact enough and cancel nothing.

// log((1+s)/(1-s)) = 2 (s + s^3/3 + s^5/5 + ...): below 1e-16 relative for |s| <= 0.172, 1e-10 for 1/3.
inline double log_of_quotient(double s) {
  const double z = s * s;
  double sum = 1.0 / 21;
  for (int k = 19; k >= 1; k -= 2) sum = sum * z + 1.0 / k;
  return 2 * s * sum;
}

// x positive, finite and normal, as every positive float is in double.
inline double log_of_normal(double x) {
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double mantissa = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);  // in [1, 2)
  if (mantissa > 0x1.6a09e667f3bcdp+0) {                                                        // sqrt(2)
    mantissa *= 0.5;
    ++exponent;
  }
  return exponent * 0x1.62e42fefa39efp-1 + log_of_quotient((mantissa - 1) / (mantissa + 1));
}

inline float olog(float x) {
  if (x == 0) return -std::numeric_limits<float>::infinity();
  if (!(x > 0)) return std::numeric_limits<float>::quiet_NaN();
  return x > std::numeric_limits<float>::max() ? x : static_cast<float>(log_of_normal(x));
}

// log(1 + e^x)
inline float osoftplus(float x) {
  if (x != x) return x;
  const double e = oexp(-std::fabs(x));  // in [0, 1]
  const float tail = static_cast<float>(log_of_quotient(e / (2 + e)));
  return (x > 0 ? x : 0.0F) + tail;
}

// e^y in double, for what is rounded to float afterwards: beyond +-200 a float is 0 or infinite.
inline double exp_in_double(double y) {
  y = y < -200 ? -200 : y > 200 ? 200 : y;
  const double rounder = 0x1.8p52;
  const double k = (y * 0x1.71547652b82fep+0 + rounder) - rounder;
  const double r = (y - k * 0x1.62e42fefap-1) - k * 0x1.cf79abc9e3b3ap-40;
  double sum = 1;
  for (int n = 13; n >= 1; --n) sum = 1 + r * sum / n;
  return sum * std::bit_cast<double>(static_cast<std::uint64_t>(static_cast<std::int64_t>(k) + 1023) << 52);
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
  return static_cast<float>(exp_in_double(static_cast<double>(y) * log_of_normal(a)));
}

}  // namespace octet::kernels::fp32
