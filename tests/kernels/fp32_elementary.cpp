// SPDX-License-Identifier: Apache-2.0
#include "kernels/fp32/elementary.h"
#include "tests/kernels/fp32_reference.h"
#include "tests/support/catch.h"

namespace octet::test {
namespace {

using kernels::fp32::oerf;
using kernels::fp32::oexp;
using kernels::fp32::oexpm1_of_negative;
using kernels::fp32::olog;
using kernels::fp32::opow;
using kernels::fp32::osigmoid;
using kernels::fp32::osoftplus;
using kernels::fp32::otanh;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

// Units in the last place of the true result, which is rounded to float only for infinities.
double ulps(float got, double expected) {
  if (got != got || expected != expected) return got != got && expected != expected ? 0 : 1e9;
  if (std::isinf(got) || std::fabs(expected) > static_cast<double>(std::numeric_limits<float>::max())) {
    return got == static_cast<float>(expected) ? 0 : 1e9;
  }
  const int exponent = std::max(std::ilogb(expected), -126);
  return std::fabs(static_cast<double>(got) - expected) / std::ldexp(1.0, exponent - 23);
}

// The worst error over one float in `step` of all 2^32.
template <class Got, class Expected>
double worst(const Got& got, const Expected& expected, std::uint32_t step = 4093) {
  double error = 0;
  for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32); bits += step) {
    const float x = std::bit_cast<float>(static_cast<std::uint32_t>(bits));
    error = std::max(error, ulps(got(x), expected(static_cast<double>(x))));
  }
  return error;
}

}  // namespace

TEST_CASE("elementary functions are within 2 ulp over all floats", "[fp32][elementary]") {
  const double exp_error = worst(oexp, [](double x) { return std::exp(x); });
  const double expm1_error = worst(oexpm1_of_negative, [](double x) { return x > 0 ? 0.0 : std::expm1(x); });
  const double sigmoid_error = worst(osigmoid, [](double x) { return 1 / (1 + std::exp(-x)); });
  const double tanh_error = worst(otanh, [](double x) { return std::tanh(x); });
  const double erf_error = worst(oerf, [](double x) { return std::erf(x); });
  const double log_error = worst(olog, [](double x) { return std::log(x); });
  const double softplus_error =
      worst(osoftplus, [](double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::fabs(x))); });
  CAPTURE(exp_error, expm1_error, sigmoid_error, tanh_error, erf_error, log_error, softplus_error);
  CHECK(exp_error < 1);
  CHECK(expm1_error < 2);
  CHECK(sigmoid_error < 2.1);
  CHECK(tanh_error < 2);
  CHECK(erf_error < 2);
  CHECK(log_error < 0.51);
  CHECK(softplus_error < 2);
}

TEST_CASE("elementary functions at their edges", "[fp32][elementary]") {
  CHECK(oexp(0) == 1);
  CHECK(oexp(-kInfinity) == 0);
  CHECK(oexp(kInfinity) == kInfinity);
  CHECK(std::isnan(oexp(kNaN)));
  CHECK(std::isfinite(oexp(0x1.62e42ep6F)));  // the largest argument whose result is
  CHECK(oexp(0x1.62e430p6F) == kInfinity);
  CHECK(oexp(-103.97F) == std::numeric_limits<float>::denorm_min());
  CHECK(oexp(-104) == 0);
  CHECK(osigmoid(-kInfinity) == 0);
  CHECK(osigmoid(kInfinity) == 1);
  CHECK(otanh(-kInfinity) == -1);
  CHECK(oerf(kInfinity) == 1);
  for (float zero : {0.0F, -0.0F}) {
    CHECK(std::signbit(otanh(zero)) == std::signbit(zero));
    CHECK(std::signbit(oerf(zero)) == std::signbit(zero));
    CHECK(olog(zero) == -kInfinity);
  }
  CHECK(std::isnan(olog(-1)));
  CHECK(olog(1) == 0);
  CHECK(olog(kInfinity) == kInfinity);
  CHECK(osoftplus(-kInfinity) == 0);
  CHECK(osoftplus(kInfinity) == kInfinity);
  CHECK(std::isnan(osoftplus(kNaN)));
}

TEST_CASE("pow agrees with C's", "[fp32][elementary]") {
  const std::vector<float> edges{0.0F, -0.0F,     1,     -1,     2,       -2,        3,         -3,         0.5F, -0.5F,
                                 1.5F, 0x1p-140F, 1e30F, -1e30F, 0x1p24F, 0x1.8p25F, kInfinity, -kInfinity, kNaN};
  for (float x : edges) {
    for (float y : edges) {
      CAPTURE(x, y);
      const double expected = std::pow(static_cast<double>(x), static_cast<double>(y));
      CHECK(ulps(opow(x, y), expected) <= 1);
      if (expected == 0) CHECK(std::signbit(opow(x, y)) == std::signbit(expected));
    }
  }
  std::mt19937 random(20240);
  std::uniform_real_distribution<float> base(-20, 20), exponent(-30, 30);
  double error = 0;
  for (int i = 0; i < 20000; ++i) {
    const float x = base(random), y = i % 2 == 0 ? std::floor(exponent(random)) : exponent(random);
    error = std::max(error, ulps(opow(x, y), std::pow(static_cast<double>(x), static_cast<double>(y))));
  }
  CHECK(error <= 1);
}

}  // namespace octet::test
