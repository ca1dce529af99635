// SPDX-License-Identifier: Apache-2.0
// Every slot of every backend but the GEMMs, against formulas in wide integers and doubles: lengths
// 0 to 200 (all tails), unaligned pointers, bytes beside the output watched.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

#include "kernels/microkernels.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"
#include "tests/support/oracle.h"

namespace octet::kernels {
namespace {

using Random = std::mt19937;
using Bytes = std::vector<std::uint8_t>;
constexpr std::size_t kLongest = 200;
constexpr std::size_t kGuard = 64;

struct Signedness {
  bool is_signed;
  int min() const { return is_signed ? -128 : 0; }
  int max() const { return is_signed ? 127 : 255; }
  int code(std::uint8_t byte) const { return is_signed ? static_cast<std::int8_t>(byte) : byte; }
  int any(Random& random) const { return min() + static_cast<int>(random() % 256); }
};
Signedness signedness(const Backend& backend) { return {backend.activation == Activation::s8}; }

// Half of the bytes are ends of the range: where saturation and signs go wrong.
Bytes random_bytes(Random& random, std::size_t n) {
  constexpr std::uint8_t kEnds[] = {0, 255, 127, 128, 1, 254};
  Bytes bytes(n + kOverread);
  for (std::uint8_t& byte : bytes) {
    byte = random() % 2 == 0 ? kEnds[random() % 6] : static_cast<std::uint8_t>(random());
  }
  return bytes;
}

// Calls write(out) for `n` elements at an odd address, checks the guards, returns what was written.
template <class Element, class Write>
std::vector<Element> guarded(std::size_t n, std::size_t shift, Write write) {
  std::vector<Element> memory(n + 2 * kGuard + shift, static_cast<Element>(0x5A));
  write(memory.data() + kGuard + shift);
  const auto first = memory.begin() + static_cast<std::ptrdiff_t>(kGuard + shift);
  const auto last = first + static_cast<std::ptrdiff_t>(n);
  const auto untouched = [](Element e) { return e == static_cast<Element>(0x5A); };
  REQUIRE(std::all_of(memory.begin(), first, untouched));
  REQUIRE(std::all_of(last, memory.end(), untouched));
  return {first, last};
}

// The requantize row for a multiplier and shift as given, or for a factor in a float mode.
int finished(std::int64_t acc, std::int32_t multiplier, std::int32_t shift, float scale, int zo, int lo, int hi,
             Finish finish) {
  if (finish == Finish::floating) return oracle::requantize_floating(acc, scale, zo, lo, hi);
  const oracle::Wide unit = static_cast<oracle::Wide>(1) << shift;
  const oracle::Wide code = oracle::floor_divide(static_cast<oracle::Wide>(acc) * multiplier + unit / 2, unit) + zo;
  return code < lo ? lo : code > hi ? hi : static_cast<int>(code);
}

struct Range {
  int min, max;
};
Range random_range(const Signedness& s, Random& random) {
  if (random() % 2 == 0) return {s.min(), s.max()};
  const int a = s.any(random), b = s.any(random);
  return {std::min(a, b), std::max(a, b)};
}

std::int32_t random_multiplier(Random& random) {
  if (random() % 16 == 0) return 0;
  if (random() % 4 == 0) return random() % 2 == 0 ? 1 << 30 : std::numeric_limits<std::int32_t>::max();
  return static_cast<std::int32_t>((1U << 30) + random() % (1U << 30));
}

const Finish kFinishes[] = {Finish::fixed, Finish::floating};

// Steps of the two operands: 0 repeats one code.
const std::pair<std::size_t, std::size_t> kSteps[] = {{1, 1}, {0, 1}, {1, 0}, {0, 0}};

}  // namespace

TEST_CASE("add slots", "[slots]") {
  for (const Backend& backend : test::test_backends()) {
    INFO(backend.name);
    const Signedness s = signedness(backend);
    Random random(1);
    for (std::size_t n = 0; n <= kLongest; ++n) {
      for (const Finish finish : kFinishes) {
        const auto steps = kSteps[random() % 4];
        const std::size_t a_step = steps.first, b_step = steps.second;
        const Range range = random_range(s, random);
        const auto weight = [&] {
          const auto m = static_cast<std::int32_t>(random() % ((1U << 21) + 1));
          return random() % 8 == 0 ? (1 << 21) : random() % 2 == 0 ? m : -m;
        };
        const AddParams p{
            .za = s.any(random),
            .zb = s.any(random),
            .zo = s.any(random),
            .ma = weight(),
            .mb = weight(),
            .shift = static_cast<std::int32_t>(random() % 8 == 0 ? 1 : 14 + random() % 17),
            .fa = std::ldexp(1.0F + static_cast<float>(random() % 64) / 64, static_cast<int>(random() % 8) - 5),
            .fb = std::ldexp(-1.0F - static_cast<float>(random() % 64) / 64, static_cast<int>(random() % 8) - 5),
            .fc = static_cast<float>(random() % 4096) / 8 - 256,
            .min = range.min,
            .max = range.max,
            .finish = finish,
            .b_first = random() % 2 == 0};
        const std::size_t shift = random() % 4;
        const Bytes a = random_bytes(random, n + shift), b = random_bytes(random, n + shift);
        const auto out = guarded<std::uint8_t>(n, shift, [&](std::uint8_t* to) {
          backend.add(p, a.data() + shift, a_step, b.data() + shift, b_step, to, n);
        });
        for (std::size_t i = 0; i < n; ++i) {
          const int qa = s.code(a[shift + i * a_step]) - p.za, qb = s.code(b[shift + i * b_step]) - p.zb;
          int expected = 0;
          if (finish == Finish::fixed) {
            const oracle::Wide unit = static_cast<oracle::Wide>(1) << p.shift;
            const oracle::Wide sum = static_cast<oracle::Wide>(p.ma) * qa + static_cast<oracle::Wide>(p.mb) * qb;
            expected = static_cast<int>(
                std::clamp<oracle::Wide>(oracle::floor_divide(sum + unit / 2, unit) + p.zo, p.min, p.max));
          } else {
            const auto x = static_cast<float>(qa), y = static_cast<float>(qb);
            const float sum =
                p.b_first ? std::fma(y, p.fb, std::fma(x, p.fa, p.fc)) : std::fma(x, p.fa, std::fma(y, p.fb, p.fc));
            expected =
                static_cast<int>(std::clamp<double>(oracle::round_even(static_cast<double>(sum)) + p.zo, p.min, p.max));
          }
          REQUIRE(s.code(out[i]) == expected);
        }
      }
    }
  }
}

TEST_CASE("mul slots", "[slots]") {
  for (const Backend& backend : test::test_backends()) {
    INFO(backend.name);
    const Signedness s = signedness(backend);
    Random random(2);
    for (std::size_t n = 0; n <= kLongest; ++n) {
      for (const Finish finish : kFinishes) {
        const auto steps = kSteps[random() % 4];
        const std::size_t a_step = steps.first, b_step = steps.second;
        const Range range = random_range(s, random);
        const MulParams p{
            .za = s.any(random),
            .zb = s.any(random),
            .zo = s.any(random),
            .multiplier = random_multiplier(random),
            .shift = static_cast<std::int32_t>(random() % 4 == 0 ? 21 + random() % 42 : 34 + random() % 14),
            .scale =
                std::ldexp(1.0F + static_cast<float>(random() % 4096) / 4096, static_cast<int>(random() % 16) - 13),
            .min = range.min,
            .max = range.max,
            .finish = finish};
        const std::size_t shift = random() % 4;
        const Bytes a = random_bytes(random, n + shift), b = random_bytes(random, n + shift);
        const auto out = guarded<std::uint8_t>(n, shift, [&](std::uint8_t* to) {
          backend.mul(p, a.data() + shift, a_step, b.data() + shift, b_step, to, n);
        });
        for (std::size_t i = 0; i < n; ++i) {
          const int acc = (s.code(a[shift + i * a_step]) - p.za) * (s.code(b[shift + i * b_step]) - p.zb);
          REQUIRE(s.code(out[i]) == finished(acc, p.multiplier, p.shift, p.scale, p.zo, p.min, p.max, finish));
        }
      }
    }
  }
}

TEST_CASE("lookup slots", "[slots]") {
  for (const Backend& backend : test::test_backends()) {
    INFO(backend.name);
    Random random(3);
    for (std::size_t n = 0; n <= kLongest; ++n) {
      const std::size_t shift = random() % 4;
      const Bytes table = random_bytes(random, 256), in = random_bytes(random, n + shift);
      const auto out = guarded<std::uint8_t>(
          n, shift, [&](std::uint8_t* to) { backend.lookup(table.data(), in.data() + shift, to, n); });
      for (std::size_t i = 0; i < n; ++i) REQUIRE(out[i] == table[in[shift + i]]);
    }
  }
}

TEST_CASE("pool slots", "[slots]") {
  for (const Backend& backend : test::test_backends()) {
    INFO(backend.name);
    const Signedness s = signedness(backend);
    Random random(4);
    for (std::size_t channels = 0; channels <= kLongest; ++channels) {
      const std::size_t n_taps = random() % 16 == 0 ? 300 : 1 + random() % 12;
      const std::size_t shift = random() % 4;
      std::vector<Bytes> rows;
      std::vector<const std::uint8_t*> taps;
      for (std::size_t t = 0; t < n_taps; ++t) rows.push_back(random_bytes(random, channels + shift));
      for (const Bytes& row : rows) taps.push_back(row.data() + shift);

      const auto largest = guarded<std::uint8_t>(
          channels, shift, [&](std::uint8_t* to) { backend.max_pool(taps.data(), n_taps, channels, to); });
      for (std::size_t c = 0; c < channels; ++c) {
        int expected = s.min();
        for (const std::uint8_t* tap : taps) expected = std::max(expected, s.code(tap[c]));
        REQUIRE(s.code(largest[c]) == expected);
      }

      for (const Finish finish : kFinishes) {
        const Range range = random_range(s, random);
        const std::int32_t bias = -static_cast<std::int32_t>(n_taps) * s.any(random);
        const std::int32_t multiplier = random_multiplier(random);
        const auto mshift = static_cast<std::int32_t>(random() % 4 == 0 ? 21 + random() % 42 : 29 + random() % 8);
        const float scale =
            std::ldexp(1.0F + static_cast<float>(random() % 4096) / 4096, static_cast<int>(random() % 8) - 6);
        const Requant r{&bias, &multiplier, &mshift, &scale, s.any(random), range.min, range.max, finish};
        const auto mean = guarded<std::uint8_t>(
            channels, shift, [&](std::uint8_t* to) { backend.avg_pool(taps.data(), n_taps, channels, r, to); });
        for (std::size_t c = 0; c < channels; ++c) {
          std::int64_t sum = bias;
          for (const std::uint8_t* tap : taps) sum += s.code(tap[c]);
          REQUIRE(s.code(mean[c]) == finished(sum, multiplier, mshift, scale, r.zero_point, r.min, r.max, finish));
        }
      }
    }
  }
}

TEST_CASE("quantize slots", "[slots]") {
  const float special[] = {0.0F,
                           -0.0F,
                           1e-45F,
                           -1e-45F,
                           3e38F,
                           -3e38F,
                           std::numeric_limits<float>::infinity(),
                           -std::numeric_limits<float>::infinity(),
                           std::numeric_limits<float>::quiet_NaN(),
                           -std::numeric_limits<float>::quiet_NaN()};
  for (const Backend& backend : test::test_backends()) {
    INFO(backend.name);
    const Signedness s = signedness(backend);
    Random random(5);
    for (std::size_t n = 0; n <= kLongest; ++n) {
      for (const std::int32_t reciprocal : {0, 1}) {
        const float scales[] = {0.5F, 1.0F / 255, 0.0021485486F, 1e-40F, 1e38F, 0.1F};
        Range range = random_range(s, random);
        QuantizeParams p{scales[random() % 6], s.any(random), range.min, range.max, reciprocal};
        const std::size_t shift = random() % 4;
        std::vector<float> in(n + shift + kOverread);
        for (float& x : in) {
          const auto steps = static_cast<float>(static_cast<int>(random() % 1024) - 512);
          x = random() % 4 == 0   ? special[random() % std::size(special)]
              : random() % 2 == 0 ? (steps + 0.5F) * p.scale  // half steps
                                  : std::bit_cast<float>(static_cast<std::uint32_t>(random()));
        }
        const auto out =
            guarded<std::uint8_t>(n, shift, [&](std::uint8_t* to) { backend.quantize(p, in.data() + shift, to, n); });
        const float inverse = 1.0F / p.scale;
        for (std::size_t i = 0; i < n; ++i) {
          const float x = in[shift + i];
          const float v = reciprocal != 0 ? x * inverse : x / p.scale;
          const double centred = std::isnan(v)   ? 0.0
                                 : std::isinf(v) ? (v > 0 ? 1e9 : -1e9)
                                                 : oracle::round_even(static_cast<double>(v));
          REQUIRE(s.code(out[i]) == static_cast<int>(std::clamp<double>(centred + p.zero_point, p.min, p.max)));
        }
      }
    }
  }
}

TEST_CASE("dequantize slots", "[slots]") {
  for (const Backend& backend : test::test_backends()) {
    INFO(backend.name);
    const Signedness s = signedness(backend);
    Random random(6);
    for (std::size_t n = 0; n <= kLongest; ++n) {
      const float scale =
          std::bit_cast<float>(static_cast<std::uint32_t>(random() % 0x7F000000U + 1));  // denormals too
      const int zero_point = s.any(random);
      const std::size_t shift = random() % 4;
      const Bytes in = random_bytes(random, n + shift);
      const auto out =
          guarded<float>(n, shift, [&](float* to) { backend.dequantize(scale, zero_point, in.data() + shift, to, n); });
      for (std::size_t i = 0; i < n; ++i) {
        const float expected = scale * static_cast<float>(s.code(in[shift + i]) - zero_point);
        REQUIRE(std::bit_cast<std::uint32_t>(out[i]) == std::bit_cast<std::uint32_t>(expected));
      }
    }
  }
}

TEST_CASE("requantize slots", "[slots]") {
  for (const Backend& backend : test::test_backends()) {
    INFO(backend.name);
    const Signedness s = signedness(backend);
    Random random(7);
    for (std::size_t n = 0; n <= kLongest; ++n) {
      for (const Finish finish : kFinishes) {
        const Range range = random_range(s, random);
        const std::size_t padded = n + kOverread;
        std::vector<std::int32_t> bias(padded), multiplier(padded), mshift(padded), acc(padded);
        std::vector<float> scale(padded);
        for (std::size_t j = 0; j < padded; ++j) {
          bias[j] = random() % 4 == 0 ? static_cast<std::int32_t>(random())
                                      : static_cast<std::int32_t>(random() % 4096) - 2048;
          multiplier[j] = random_multiplier(random);
          mshift[j] = static_cast<std::int32_t>(random() % 2 == 0 ? 21 + random() % 42 : 36 + random() % 8);
          scale[j] =
              std::ldexp(1.0F + static_cast<float>(random() % 4096) / 4096, static_cast<int>(random() % 24) - 20);
          // All of int32, sums that wrap with the bias, and exact halves of a power-of-two factor.
          acc[j] = random() % 3 == 0   ? static_cast<std::int32_t>(random())
                   : random() % 2 == 0 ? (static_cast<std::int32_t>(random() % 512) - 256) * 64 + 32 - bias[j]
                                       : static_cast<std::int32_t>(random() % 65536) - 32768;
        }
        const Requant r{bias.data(),   multiplier.data(), mshift.data(), scale.data(),
                        s.any(random), range.min,         range.max,     finish};
        const auto out =
            guarded<std::uint8_t>(n, random() % 4, [&](std::uint8_t* to) { backend.requantize(r, acc.data(), to, n); });
        for (std::size_t j = 0; j < n; ++j) {
          const auto sum =
              static_cast<std::int32_t>(static_cast<std::uint32_t>(acc[j]) + static_cast<std::uint32_t>(bias[j]));
          REQUIRE(s.code(out[j]) ==
                  finished(sum, multiplier[j], mshift[j], scale[j], r.zero_point, r.min, r.max, finish));
        }
      }
    }
  }
}

}  // namespace octet::kernels
