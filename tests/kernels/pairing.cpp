// SPDX-License-Identifier: Apache-2.0
// Weights paired anew: whatever they are, every packed pair is safe and every k is there once.
#include "kernels/pairing.h"

#include <cstring>
#include <map>
#include <random>

#include "kernels/saturation.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

constexpr Gemm kGemm{nullptr, 4, 16, 8, 4, 0, 0};

struct Shape {
  std::size_t taps, kc, n;
};

// Reads the layout that kernels/pairing.h documents; returns the number of extra entries.
std::size_t check(const std::vector<std::int8_t>& codes, Shape shape) {  // codes: (n, taps, kc)
  const auto [taps, kc, n] = shape;
  const PairedBlock block(kGemm, {codes.data(), taps * kc, kc, 1, 0}, taps, kc, n, 255);
  const AlignedBytes storage = allocate_aligned(block.bytes());
  block.write(storage.get());
  const auto* const bytes = reinterpret_cast<const std::uint8_t*>(storage.get());
  std::int32_t count;
  std::memcpy(&count, bytes, sizeof(count));
  REQUIRE(count >= 0);
  REQUIRE(count % 4 == 0);
  const auto extras = static_cast<std::size_t>(count);
  const std::uint8_t* const controls = bytes + 64 + round_up(extras * 8, 64);
  const std::size_t row = round_up(kc, 32), entries = taps * round_up(kc, 4), width = round_up(n, kGemm.nu);
  const auto* const weights = reinterpret_cast<const std::int8_t*>(controls + round_up(taps * row, 64));
  REQUIRE(reinterpret_cast<const std::uint8_t*>(weights) + (entries + extras) * width == bytes + block.bytes());
  std::map<std::pair<std::size_t, std::size_t>, int> seen;
  for (std::size_t e = 0; e < entries + extras; ++e) {
    std::size_t tap, k;
    bool none = false;
    if (e < entries) {
      const std::size_t at = e % round_up(kc, 4);
      tap = e / round_up(kc, 4);
      const std::uint8_t control = controls[tap * row + at];
      none = control == 0x80;
      if (!none) REQUIRE(control < 16);
      k = at / 16 * 16 + control;
    } else {
      std::int32_t place[2];
      std::memcpy(place, bytes + 64 + (e - entries) * 8, 8);
      tap = static_cast<std::size_t>(place[0]), k = static_cast<std::size_t>(place[1]);
    }
    bool stands_for_k = false;
    for (std::size_t j = 0; j < width; ++j) {
      const std::int8_t* const pair = weights + (e / 4 * width + j) * 4 + e % 4 / 2 * 2;
      REQUIRE(pair_is_safe(pair[0], pair[1], 255));
      const int weight = pair[e % 2];
      if (none || j >= n) {
        REQUIRE(weight == 0);
      } else if (weight != 0) {
        stands_for_k = true;
      }
    }
    if (none) continue;
    REQUIRE(tap < taps);
    REQUIRE(k < kc);
    if (!stands_for_k) continue;  // an unused extra entry, or a k that no column uses
    ++seen[{tap, k}];
    for (std::size_t j = 0; j < n; ++j) {
      REQUIRE(weights[(e / 4 * width + j) * 4 + e % 4] == codes[(j * taps + tap) * kc + k]);
    }
  }
  for (std::size_t tap = 0; tap < taps; ++tap) {
    for (std::size_t k = 0; k < kc; ++k) {
      bool used = false;
      for (std::size_t j = 0; j < n; ++j) used = used || codes[(j * taps + tap) * kc + k] != 0;
      REQUIRE(seen[{tap, k}] == (used ? 1 : 0));
    }
  }
  return extras;
}

}  // namespace

TEST_CASE("pairing: any weights, any size") {
  std::mt19937 engine(301);
  for (int limit : {2, 70, 100, 127}) {
    for (int round = 0; round < 40; ++round) {
      const Shape shape{1 + engine() % 4, 1 + engine() % 80, 1 + engine() % 16};
      std::vector<std::int8_t> codes(shape.n * shape.taps * shape.kc);
      for (std::int8_t& code : codes) {
        code = static_cast<std::int8_t>(static_cast<int>(engine() % (2U * static_cast<unsigned>(limit) + 1)) - limit);
      }
      check(codes, shape);
    }
  }
}

TEST_CASE("pairing: a few large weights cost nothing, only large ones a lot") {
  const Shape shape{1, 64, 4};
  std::vector<std::int8_t> codes(4 * 64, 10);
  for (std::size_t k = 0; k < 64; k += 16) codes[k] = codes[k + 1] = codes[64 + k + 4] = codes[64 + k + 5] = 118;
  CHECK(check(codes, shape) == 0);
  codes.assign(codes.size(), 65);
  CHECK(check(codes, shape) == 64);  // half of the k find a place alone, the others are extras, each alone
  codes.assign(codes.size(), -128);
  CHECK(check(codes, shape) == 64);
}

// Weights as networks have them: few unsafe pairs, so every block can be paired.
TEST_CASE("pairing: chosen where it is less work than widening") {
  std::mt19937 engine(302);
  std::normal_distribution<float> normal(0, 38);
  Backend backend = test::saturating_backend();
  backend.gemm_paired = backend.gemm_exact;  // never run here, only chosen
  backend.gemm_paired.nu = 8;
  WeightMatrix m{std::vector<std::int8_t>(48 * 256), 1, 48, 1, 256};
  for (std::int8_t& w : m.codes) w = static_cast<std::int8_t>(std::clamp(normal(engine), -127.0F, 127.0F));
  const std::string paired = PackedWeights(backend, m, 255).note();
  CHECK(paired.substr(0, 38) == ", paired anew 4 and widened 0 of 4 blo");
  for (std::int8_t& w : m.codes) w = static_cast<std::int8_t>(engine() % 255 - 127);
  const std::string widened = PackedWeights(backend, m, 255).note();
  CHECK(widened.substr(0, 24) == ", widened 4 of 4 blocks:");
  CHECK(PackedWeights(backend, m, 127).note().empty());
}

}  // namespace octet::kernels
