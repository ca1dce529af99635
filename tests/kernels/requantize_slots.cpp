// SPDX-License-Identifier: Apache-2.0
// The fixed rule at every shift, where vector forms of it could go wrong: around the ties between two
// codes, at the ends of int32, and where a shift to the left would leave int32.
#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"
#include "tests/support/oracle.h"

namespace octet::test {
namespace {

using kernels::Backend;

constexpr std::int64_t kLowest = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kHighest = std::numeric_limits<std::int32_t>::max();

struct Case {
  std::int32_t acc, multiplier, shift;
};

// Accumulators around which something changes, with this factor.
std::vector<Case> cases_of(std::mt19937& engine, std::int32_t multiplier, std::int32_t shift) {
  std::vector<Case> cases;
  const auto add = [&](std::int64_t acc) {
    cases.push_back({static_cast<std::int32_t>(std::clamp(acc, kLowest, kHighest)), multiplier, shift});
  };
  for (const std::int64_t acc : {kLowest, kLowest + 1, kHighest - 1, kHighest}) add(acc);
  for (int power = 20; power <= 31; ++power) {
    for (int by = -1; by <= 1; ++by) {
      add((std::int64_t{1} << power) + by);
      add(-(std::int64_t{1} << power) + by);
    }
  }
  const double unit = std::ldexp(1.0, shift) / std::max(multiplier, 1);  // accumulator steps per code
  for (int i = 0; i < 12; ++i) {
    const double tie = (static_cast<int>(engine() % 600) - 300 + 0.5) * unit;
    const auto near = static_cast<std::int64_t>(std::clamp(tie, -4e9, 4e9));
    for (int by = -1; by <= 1; ++by) add(near + by);
  }
  for (int i = 0; i < 8; ++i) add(static_cast<std::int32_t>(engine()));
  return cases;
}

}  // namespace

TEST_CASE("requantize slots: ties, ends and every shift", "[slots]") {
  std::mt19937 engine(11);
  std::vector<Case> cases;
  for (std::int32_t shift = 21; shift <= 62; ++shift) {
    const std::int32_t any = (1 << 30) + static_cast<std::int32_t>(engine() % (1U << 30));
    for (const std::int32_t multiplier : {0, 1 << 30, (1 << 30) + 1, any, std::numeric_limits<std::int32_t>::max()}) {
      for (const Case& c : cases_of(engine, multiplier, shift)) cases.push_back(c);
    }
  }
  const std::size_t n = cases.size();
  std::vector<std::int32_t> bias(n), multiplier(n), shift(n), acc(n);
  for (std::size_t i = 0; i < n; ++i) {
    bias[i] = static_cast<std::int32_t>(engine());
    multiplier[i] = cases[i].multiplier;
    shift[i] = cases[i].shift;
    acc[i] = static_cast<std::int32_t>(static_cast<std::uint32_t>(cases[i].acc) - static_cast<std::uint32_t>(bias[i]));
  }
  const std::vector<float> scale(n, 1.0F);
  for (const Backend& backend : test_backends()) {
    const bool is_signed = backend.activation == kernels::Activation::s8;
    const int lowest = is_signed ? -128 : 0;
    for (const int zero_point : {lowest, lowest + 100, lowest + 255}) {
      std::vector<std::uint8_t> out(n);
      backend.requantize({bias.data(), multiplier.data(), shift.data(), scale.data(), zero_point, lowest, lowest + 255,
                          kernels::Finish::fixed},
                         acc.data(), out.data(), n);
      for (std::size_t i = 0; i < n; ++i) {
        const auto [sum, m, s] = cases[i];
        const oracle::Wide unit = static_cast<oracle::Wide>(1) << s;
        const oracle::Wide code =
            oracle::floor_divide(static_cast<oracle::Wide>(sum) * m + unit / 2, unit) + zero_point;
        const int expected = static_cast<int>(std::clamp<oracle::Wide>(code, lowest, lowest + 255));
        const int result = is_signed ? static_cast<std::int8_t>(out[i]) : out[i];
        if (result != expected) {
          FAIL(backend.name << ": " << sum << " * " << m << " >> " << s << " + " << zero_point << " is " << result
                            << " instead of " << expected);
        }
      }
    }
  }
}

}  // namespace octet::test
