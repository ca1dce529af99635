// SPDX-License-Identifier: Apache-2.0
#include "kernels/exact_math.h"

#include <cmath>
#include <limits>
#include <random>

#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

// Distance from the long double libm, in units of the last place of the double next to it.
double ulps(double value, long double truth) {
  const double near = static_cast<double>(truth);
  const double ulp = std::nextafter(std::fabs(near), HUGE_VAL) - std::fabs(near);
  return static_cast<double>(std::fabs(static_cast<long double>(value) - truth) / static_cast<long double>(ulp));
}

struct Case {
  const char* name;
  double (*own)(double);
  long double (*libm)(long double);
  double lo, hi;
};

}  // namespace

TEST_CASE("exact math is within 2 ulp of the truth", "[exact_math]") {
  if (std::numeric_limits<long double>::digits <= std::numeric_limits<double>::digits) {
    WARN("skipped: long double is no wider than double here, so there is nothing to compare with");
    return;
  }
  const Case cases[] = {{"exp", exact::exp, std::exp, -744, 709},
                        {"exp near 0", exact::exp, std::exp, -1, 1},
                        {"log", exact::log, std::log, 1e-300, 3},
                        {"log near 1", exact::log, std::log, 0.99, 1.01},
                        {"log large", exact::log, std::log, 1, 1e9},
                        {"log1p", exact::log1p, std::log1p, 0, 1},
                        {"tanh", exact::tanh, std::tanh, -3, 3},
                        {"tanh at its seam", exact::tanh, std::tanh, 0.62, 0.63},
                        {"tanh tiny", exact::tanh, std::tanh, 0, 1e-7},
                        {"erf", exact::erf, std::erf, -3, 3},
                        {"erf at its seam", exact::erf, std::erf, 0.99, 1.01},
                        {"erf far out", exact::erf, std::erf, 3, 7}};
  std::mt19937 random(20);
  for (const Case& c : cases) {
    std::uniform_real_distribution<double> inputs(c.lo, c.hi);
    double worst = 0;
    for (int i = 0; i < 20000; ++i) {
      const double x = inputs(random);
      const double error = ulps(c.own(x), c.libm(x));
      worst = !(error <= worst) ? error : worst;
    }
    INFO(c.name);
    CHECK(worst <= 2);
  }
}

TEST_CASE("exact math at the ends", "[exact_math]") {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(exact::exp(-inf) == 0);
  CHECK(exact::exp(inf) == inf);
  CHECK(exact::exp(0) == 1);
  CHECK(exact::exp(710) == inf);
  CHECK(exact::exp(709.5) < inf);
  CHECK(exact::exp(-745) == std::numeric_limits<double>::denorm_min());
  CHECK(exact::exp(-800) == 0);
  CHECK(std::isnan(exact::exp(nan)));
  CHECK(exact::log(0) == -inf);
  CHECK(exact::log(1) == 0);
  CHECK(exact::log(inf) == inf);
  CHECK(std::isnan(exact::log(-1)));
  CHECK(ulps(exact::log(std::numeric_limits<double>::denorm_min()), -744.4400719213812621L) <= 2);
  CHECK(exact::log1p(0) == 0);
  CHECK(exact::log1p(1e-200) == 1e-200);
  CHECK(exact::tanh(inf) == 1);
  CHECK(exact::tanh(-inf) == -1);
  CHECK(exact::tanh(1e-200) == 1e-200);
  CHECK(std::signbit(exact::tanh(-0.0)));
  CHECK(std::isnan(exact::tanh(nan)));
  CHECK(exact::erf(inf) == 1);
  CHECK(exact::erf(-7) == -1);
  CHECK(std::signbit(exact::erf(-0.0)));
  CHECK(std::isnan(exact::erf(nan)));
}

}  // namespace octet::kernels
