// SPDX-License-Identifier: Apache-2.0
#include "kernels/requantize.h"

#include <cmath>
#include <limits>
#include <random>

#include "kernels/microkernels.h"
#include "tests/support/catch.h"
#include "tests/support/oracle.h"

namespace octet::kernels {
#include "kernels/requantize.inl"

TEST_CASE("requantize: a real factor becomes a 31-bit multiplier and a shift") {
  const auto is = [](double real, std::int32_t multiplier, std::int32_t shift) {
    const FixedScale f = fixed_scale(real);
    return f.multiplier == multiplier && f.shift == shift;
  };
  CHECK(is(1.0, 1 << 30, 30));
  CHECK(is(0.5, 1 << 30, 31));
  CHECK(is(0.75, 3 << 29, 31));
  CHECK(is(512.0, 1 << 30, 21));
  CHECK(is(1e30, 1 << 30, 21));  // beyond 2^9: the same codes
  CHECK(is(std::numeric_limits<double>::infinity(), 1 << 30, 21));
  CHECK(is(1.0 - 0x1p-40, 1 << 30, 30));  // rounds up to 2^31: one shift less
  CHECK(is(1.0 - 0x1p-32, 1 << 30, 30));  // a tie, to even
  CHECK(is(1.0 - 0x1p-31, std::numeric_limits<std::int32_t>::max(), 31));
  CHECK(is(0x1p-32, 1 << 30, 62));
  CHECK(fixed_scale(0x1p-33).multiplier == 0);  // shift 63
  CHECK(fixed_scale(0x1p-1040).multiplier == 0);
  CHECK(fixed_scale(0.0).multiplier == 0);
  CHECK(fixed_scale(std::nan("")).multiplier == 0);
}

TEST_CASE("requantize: fixed equals the definition in 128-bit integers") {
  std::mt19937 engine(11);
  std::uniform_int_distribution<std::int32_t> any(std::numeric_limits<std::int32_t>::min());
  std::uniform_real_distribution<double> exponent(-36, 12);
  for (int i = 0; i < 200000; ++i) {
    double real = std::exp2(exponent(engine));
    if (i % 4 == 0) real = std::exp2(std::floor(std::log2(real)));  // powers of two: ties
    const FixedScale f = fixed_scale(real);
    std::int32_t acc = any(engine) >> (engine() % 32);
    if (i % 64 == 0) acc = std::numeric_limits<std::int32_t>::min();
    if (i % 64 == 1) acc = std::numeric_limits<std::int32_t>::max();
    const int zero = static_cast<int>(engine() % 256);
    if (requantize_fixed(acc, f.multiplier, f.shift, zero, 0, 255) !=
        oracle::requantize_fixed(acc, real, zero, 0, 255)) {
      FAIL("acc " << acc << ", factor " << real << ", zero point " << zero);
    }
  }
}

TEST_CASE("requantize: floating equals round to even of the float product") {
  std::mt19937 engine(12);
  for (int i = 0; i < 200000; ++i) {
    const auto acc = static_cast<std::int32_t>(engine()) >> (engine() % 32);
    const float factor = i % 3 == 0 ? std::exp2(-static_cast<float>(engine() % 20))
                                    : std::exp2(-20 + static_cast<float>(engine() % 25000) / 1000);
    const int zero = static_cast<int>(engine() % 256);
    if (requantize_floating(acc, factor, zero, 0, 255) != oracle::requantize_floating(acc, factor, zero, 0, 255)) {
      FAIL("acc " << acc << ", factor " << factor << ", zero point " << zero);
    }
  }
}

TEST_CASE("requantize: ties go up in fixed and to even in floating") {
  const FixedScale half = fixed_scale(0.5);
  const int fixed[] = {-1, -1, 0, 0, 1, 1, 2, 2};  // of -3/2, -1, -1/2, 0 ...
  const int floating[] = {-2, -1, 0, 0, 0, 1, 2, 2};
  for (int acc = -3; acc <= 4; ++acc) {
    CHECK(requantize_fixed(acc, half.multiplier, half.shift, 100, 0, 255) == 100 + fixed[acc + 3]);
    CHECK(requantize_floating(acc, 0.5F, 100, 0, 255) == 100 + floating[acc + 3]);
  }
}

TEST_CASE("requantize: the factors of the three modes") {
  const float sx = 0.0123F, sw = 0.00456F, so = 0.0789F;
  CHECK(fixed_factor(sx, sw, so) == static_cast<double>(sx) * sw / so);
  CHECK(floating_factor(sx, sw, so, RequantMode::floating) == (sx * sw) / so);
  CHECK(floating_factor(sx, sw, so, RequantMode::floating_qnnpack) == (sw * sx) * (1.0F / so));
  CHECK(std::isfinite(floating_factor(1e30F, 1e30F, 1e-30F, RequantMode::floating)));
  CHECK(finish_of(RequantMode::fixed) == Finish::fixed);
  CHECK(finish_of(RequantMode::floating) == Finish::floating);
  CHECK(finish_of(RequantMode::floating_qnnpack) == Finish::floating);
}

TEST_CASE("requantize: a clamp becomes code bounds once") {
  const auto range = [](graph::Clamp clamp, float scale, std::int32_t zero, DType dtype = DType::u8) {
    const CodeRange r = code_range(dtype, scale, zero, clamp);
    return std::pair<int, int>{r.min, r.max};
  };
  using Pair = std::pair<int, int>;
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(range({}, 0.1F, 7) == Pair(0, 255));
  CHECK(range({}, 0.1F, 7, DType::s8) == Pair(-128, 127));
  CHECK(range({.lo = 0, .hi = infinity}, 0.1F, 7) == Pair(7, 255));
  CHECK(range({.lo = 0, .hi = 6}, 0.1F, 7) == Pair(7, 67));
  CHECK(range({.lo = 0, .hi = 6}, 0.1F, -100, DType::s8) == Pair(-100, -40));
  CHECK(range({.lo = -1e30F, .hi = 1e30F}, 0.1F, 7) == Pair(0, 255));
  CHECK(range({.lo = 0.25F, .hi = 0.75F}, 0.5F, 0) == Pair(0, 2));  // ties to even
  CHECK(range({.lo = 5, .hi = 1}, 0.1F, 0) == Pair(10, 10));        // the upper bound wins
  CHECK(range({.lo = std::nanf(""), .hi = std::nanf("")}, 0.1F, 7) == Pair(0, 255));
}

TEST_CASE("requantize: the Add row equals the definition, and its range is refused by rule") {
  std::mt19937 engine(13);
  std::uniform_real_distribution<float> exponent(-9, 9);
  for (int i = 0; i < 3000; ++i) {
    oracle::Codes a{std::exp2(exponent(engine)), static_cast<int>(engine() % 256)};
    oracle::Codes b{std::exp2(exponent(engine)), static_cast<int>(engine() % 256)};
    oracle::Codes o{std::exp2(exponent(engine)), static_cast<int>(engine() % 256)};
    if (i % 3 == 0) a.scale = b.scale = o.scale / 2;  // half scale: ties
    for (const RequantMode mode : {RequantMode::fixed, RequantMode::floating}) {
      const Result<AddParams> p = add_params(a.scale, a.zero, b.scale, b.zero, o.scale, o.zero, {0, 255}, 1, mode);
      REQUIRE(p.ok());
      CHECK((p->shift >= 1 && p->shift <= 30 && p->ma <= 1 << 21 && p->mb <= 1 << 21));
      const auto oracle_mode = mode == RequantMode::fixed ? oracle::Mode::fixed : oracle::Mode::floating;
      for (int j = 0; j < 8; ++j) {
        const int qa = j < 2 ? 255 * j : static_cast<int>(engine() % 256), qb = static_cast<int>(engine() % 256);
        if (add_codes(*p, qa, qb) != oracle::add(qa, a, qb, b, o, 0, 255, oracle_mode)) FAIL(qa << " + " << qb);
      }
    }
  }
  const auto add = [](float sa, float so) {
    return add_params(sa, 0, 1e-3F, 0, so, 0, {0, 255}, -1, RequantMode::fixed);
  };
  CHECK(add(0x1.fffffep18F, 1)->shift == 2);
  CHECK(add(0x1.fffffep18F, 1)->mb <= 0);
  CHECK(!add(0x1p19F, 1).ok());
  CHECK(!add(1, 0).ok());
  CHECK(add(1e-38F, 1e30F)->shift == 30);
}

TEST_CASE("requantize: the Mul row") {
  const MulParams p = mul_params(0.1F, 3, 0.2F, 4, 0.5F, 5, {0, 255}, RequantMode::fixed);
  for (int a = 0; a < 256; a += 5) {
    for (int b = 0; b < 256; b += 3) {
      CHECK(mul_codes(p, a, b) ==
            oracle::requantize((a - 3) * (b - 4), 0.1F, 0.2F, 0.5F, 5, 0, 255, oracle::Mode::fixed));
    }
  }
}

}  // namespace octet::kernels
