// SPDX-License-Identifier: Apache-2.0
#include "kernels/exact_math.h"

#include <bit>
#include <cstdint>
#include <limits>

namespace octet::kernels::exact {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// ln 2 in two parts: the first has 21 trailing zero bits, so k * kLn2High is exact for |k| < 2^21.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

double magnitude(double x) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) & ~(std::uint64_t{1} << 63));
}

double copy_sign(double x, double sign) { return std::bit_cast<std::uint64_t>(sign) >> 63 ? -x : x; }

// 2^k for a normal result: k in [-1022, 1023].
double power_of_two(int k) { return std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52); }

// Horner's rule, highest coefficient first.
template <std::size_t N>
double polynomial(const double (&coefficients)[N], double x) {
  double sum = coefficients[0];
  for (std::size_t i = 1; i < N; ++i) sum = sum * x + coefficients[i];
  return sum;
}

// 1/n! for n = 13 ... 2: the Taylor series of exp after 1 + r. On |r| <= ln2/2 what is left out is
// below 2^-57.
constexpr double kInverseFactorials[] = {1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800,
                                         1.0 / 362880,     1.0 / 40320,     1.0 / 5040,     1.0 / 720,
                                         1.0 / 120,        1.0 / 24,        1.0 / 6,        1.0 / 2};

// 2/(2n+1) for n = 12 ... 1: log((1+s)/(1-s)) = 2s + s*z*(2/3 + 2/5 z + ...), z = s^2 <= 0.0295.
constexpr double kLogSeries[] = {2.0 / 25, 2.0 / 23, 2.0 / 21, 2.0 / 19, 2.0 / 17, 2.0 / 15,
                                 2.0 / 13, 2.0 / 11, 2.0 / 9,  2.0 / 7,  2.0 / 5,  2.0 / 3};

// erf(x)/x - 1 in powers of x^2, n = 19 ... 0: (-1)^n (2/sqrt(pi)) / (n! (2n+1)), less 1 at n = 0.
// Keeping the 1 apart leaves a small sum whose rounding hardly counts.
constexpr double kTwoOverSqrtPi = 1.1283791670955125739;
constexpr double kErfSeries[] = {-kTwoOverSqrtPi / (121645100408832000.0 * 39),
                                 kTwoOverSqrtPi / (6402373705728000.0 * 37),
                                 -kTwoOverSqrtPi / (355687428096000.0 * 35),
                                 kTwoOverSqrtPi / (20922789888000.0 * 33),
                                 -kTwoOverSqrtPi / (1307674368000.0 * 31),
                                 kTwoOverSqrtPi / (87178291200.0 * 29),
                                 -kTwoOverSqrtPi / (6227020800.0 * 27),
                                 kTwoOverSqrtPi / (479001600.0 * 25),
                                 -kTwoOverSqrtPi / (39916800.0 * 23),
                                 kTwoOverSqrtPi / (3628800.0 * 21),
                                 -kTwoOverSqrtPi / (362880.0 * 19),
                                 kTwoOverSqrtPi / (40320.0 * 17),
                                 -kTwoOverSqrtPi / (5040.0 * 15),
                                 kTwoOverSqrtPi / (720.0 * 13),
                                 -kTwoOverSqrtPi / (120.0 * 11),
                                 kTwoOverSqrtPi / (24.0 * 9),
                                 -kTwoOverSqrtPi / (6.0 * 7),
                                 kTwoOverSqrtPi / (2.0 * 5),
                                 -kTwoOverSqrtPi / 3,
                                 0.12837916709551257390};

}  // namespace

// x = k ln2 + r with |r| <= ln2/2, exp(x) = 2^k exp(r).
double exp(double x) {
  if (x != x) return x;
  if (x > 710) return kInfinity;
  if (x < -746) return 0;
  const int k = static_cast<int>(x * 1.4426950408889634074 + (x < 0 ? -0.5 : 0.5));
  const double r = (x - k * kLn2High) - k * kLn2Low;
  const double y = 1 + (r + r * r * polynomial(kInverseFactorials, r));
  // In two steps, because 2^k itself leaves the normal numbers before the result does.
  const int half = k / 2;
  return y * power_of_two(half) * power_of_two(k - half);
}

// x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); s = f / (2 + f) is the argument of the series.
// Written as f - (f^2/2 - s (f^2/2 + R)), the large part f enters without rounding.
double log(double x) {
  if (x != x || x < 0) return std::numeric_limits<double>::quiet_NaN();
  if (x == 0) return -kInfinity;
  if (x == kInfinity) return x;
  int k = 0;
  if (x < std::numeric_limits<double>::min()) {  // subnormal: normalise first
    x *= power_of_two(54);
    k = -54;
  }
  const auto bits = std::bit_cast<std::uint64_t>(x);
  k += static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFU) | 0x3FF0000000000000U);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++k;
  }
  const double f = m - 1;
  const double s = f / (2 + f);
  const double z = s * s;
  const double half_square = 0.5 * f * f;
  const double rest = s * (half_square + z * polynomial(kLogSeries, z)) + k * kLn2Low;
  return k * kLn2High - ((half_square - rest) - f);
}

// log(u) for the rounded u = 1 + x, corrected for what rounding took from x.
double log1p(double x) {
  const double u = 1 + x;
  if (u == kInfinity) return u;
  return log(u) + (x - (u - 1)) / u;
}

double tanh(double x) {
  if (x != x) return x;
  const double a = magnitude(x);
  if (a > 22) return copy_sign(1, x);  // 1 - tanh < 2^-62
  if (a > 0.625) return copy_sign(1 - 2 / (exp(2 * a) + 1), x);
  // Lambert's continued fraction x / (1 + g), g = z/(3 + z/(5 + ...)): g is small and positive, so
  // nothing cancels and tiny x keep their precision.
  const double z = a * a;
  double denominator = 21;
  for (int odd = 19; odd >= 3; odd -= 2) denominator = odd + z / denominator;
  const double g = z / denominator;
  return copy_sign(a - a * (g / (1 + g)), x);
}

double erf(double x) {
  if (x != x) return x;
  const double a = magnitude(x);
  if (a > 6) return copy_sign(1, x);  // 1 - erf < 2^-54
  if (a < 1) return copy_sign(a + a * polynomial(kErfSeries, a * a), x);
  // Laplace's continued fraction for 1 - erf, from the inside out: all terms positive. 180 levels
  // are what |x| = 1 needs for 2^-53; tables are made once, so a simple formula beats a fast one.
  double fraction = a;
  for (int level = 180; level > 0; --level) fraction = a + 0.5 * level / fraction;
  const double complement = exp(-a * a) * (0.5 * kTwoOverSqrtPi) / fraction;
  return copy_sign(1 - complement, x);
}

}  // namespace octet::kernels::exact
