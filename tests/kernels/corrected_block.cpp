// SPDX-License-Identifier: Apache-2.0
// Blocks whose 16-bit sums are kept exact: the layout, read as the kernels read it, against wide integers.
#include "kernels/corrected_block.h"

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

constexpr Gemm kComplement{nullptr, 4, 16, 8, 4, kPackComplement, 0};
constexpr Gemm kQuads{nullptr, 4, 16, 8, 4, kPackQuads, kSaturatesU8};

struct Shape {
  std::size_t taps, kc, n;
};

// vpmaddubsw of two codes, which must not saturate.
std::int16_t pair(const std::uint8_t* codes, const std::int8_t* weights) {
  const int sum = codes[0] * weights[0] + codes[1] * weights[1];
  REQUIRE(sum == static_cast<std::int16_t>(sum));
  return static_cast<std::int16_t>(sum);
}

// The sums of `codes` (taps, kc rounded up) times a packed block, for the taps that are not skipped.
std::vector<std::uint32_t> sums(const Gemm& gemm, const std::byte* block, Shape shape,
                                const std::vector<std::uint8_t>& codes, const std::vector<bool>& skipped) {
  const bool quads = gemm.packing == kPackQuads;
  const std::size_t step = quads ? 8 : 4, steps = round_up(shape.kc, step) / step, parts = quads ? 3 : 2;
  const std::size_t width = round_up(shape.n, gemm.nu);
  std::vector<std::uint32_t> corrections((1 + shape.taps) * width), sum(width);
  std::memcpy(corrections.data(), block, corrections.size() * 4);
  const auto* const weights = reinterpret_cast<const std::int8_t*>(block) + round_up(corrections.size() * 4, 64);
  for (std::size_t j = 0; j < width; ++j) {
    sum[j] = corrections[j];
    for (std::size_t t = 0; t < shape.taps; ++t) {
      if (skipped[t]) sum[j] -= corrections[(1 + t) * width + j];
      for (std::size_t s = 0; s < steps && !skipped[t]; ++s) {
        const std::int8_t* const lane = weights + ((t * steps + s) * width + j / 8 * 8) * 4 * parts + j % 8 * 4;
        const std::uint8_t* const a = codes.data() + t * round_up(shape.kc, 8) + s * step;
        for (std::size_t i = 0; i < 4; i += 2) {
          if (quads) {
            std::int16_t constant;
            std::memcpy(&constant, lane + 64 + i, 2);
            const int wrapped = pair(a + i, lane + i) + pair(a + 4 + i, lane + 32 + i) + constant;
            sum[j] += static_cast<std::uint32_t>(static_cast<std::int16_t>(wrapped));
          } else {
            const std::uint8_t masked[] = {
                static_cast<std::uint8_t>(a[i] ^ static_cast<std::uint8_t>(lane[32 + i])),
                static_cast<std::uint8_t>(a[i + 1] ^ static_cast<std::uint8_t>(lane[33 + i]))};
            sum[j] += static_cast<std::uint32_t>(static_cast<int>(pair(masked, lane + i)));
          }
        }
      }
    }
  }
  return sum;
}

void check(const Gemm& gemm, const std::vector<std::int8_t>& weights, Shape shape, int max_code, std::mt19937& engine) {
  const auto [taps, kc, n] = shape;
  const WeightSource source{weights.data(), taps * kc, kc, 1, 0};
  REQUIRE(can_correct(gemm, source, taps, kc, n, max_code));
  const std::size_t size = corrected_bytes(gemm, taps, kc, n);
  const AlignedBytes block = allocate_aligned(size);
  pack_corrected(gemm, source, taps, kc, n, max_code, block.get());
  REQUIRE(corrected_is_exact(gemm, {block.get(), size}, taps, kc, n, max_code));
  std::vector<bool> skipped(taps);
  for (int round = 0; round < 6; ++round) {
    std::vector<std::uint8_t> codes(taps * round_up(kc, 8));
    for (std::uint8_t& code : codes) {  // mostly the extremes
      const auto any = static_cast<std::uint8_t>(engine() % static_cast<unsigned>(max_code + 1));
      code = round == 0          ? static_cast<std::uint8_t>(max_code)
             : engine() % 4 == 0 ? any
             : any % 2 == 0      ? 0
                                 : static_cast<std::uint8_t>(max_code);
    }
    for (std::size_t t = 0; t < taps; ++t) skipped[t] = round > 2 && engine() % 3 == 0;
    const std::vector<std::uint32_t> sum = sums(gemm, block.get(), shape, codes, skipped);
    for (std::size_t j = 0; j < sum.size(); ++j) {
      std::int64_t expected = 0;
      for (std::size_t t = 0; t < taps && j < n; ++t) {
        for (std::size_t p = 0; p < kc && !skipped[t]; ++p) {
          expected += codes[t * round_up(kc, 8) + p] * weights[(j * taps + t) * kc + p];
        }
      }
      REQUIRE(static_cast<std::int32_t>(sum[j]) == expected);
    }
  }
}

bool can(const Gemm& gemm, std::vector<std::int8_t> weights, int max_code = 255) {
  return can_correct(gemm, {weights.data(), weights.size(), weights.size(), 1, 0}, 1, weights.size(), 1, max_code);
}

}  // namespace

TEST_CASE("corrected blocks: any weights that can be packed, any size, any codes") {
  std::mt19937 engine(311);
  struct Case {
    const Gemm& gemm;
    int least, most, max_code;
  };
  for (const Case& c : {Case{kComplement, -127, 127, 255}, Case{kComplement, -127, 127, 127},
                        Case{kQuads, -64, 64, 255}, Case{kQuads, -127, 127, 127}, Case{kQuads, -20, 20, 255}}) {
    for (int round = 0; round < 40; ++round) {
      const Shape shape{1 + engine() % 4, 1 + engine() % 40, 1 + engine() % 16};
      std::vector<std::int8_t> weights(shape.n * shape.taps * shape.kc);
      for (std::int8_t& w : weights) {
        const int any = c.least + static_cast<int>(engine() % static_cast<unsigned>(c.most - c.least + 1));
        w = static_cast<std::int8_t>(engine() % 4 == 0 ? any : any < 0 ? c.least : c.most);
      }
      check(c.gemm, weights, shape, c.max_code, engine);
    }
  }
}

TEST_CASE("corrected blocks: what cannot be packed is known") {
  CHECK(can(kComplement, {-128, 127, 127, -128}));
  CHECK(can(kComplement, {-128, -127, -127, -128}));
  CHECK_FALSE(can(kComplement, {0, 0, -128, -128}));
  CHECK(can(kComplement, {0, -128, -128, 0}));
  CHECK(can(kQuads, {64, 64, 0, 0, 64, -65, 0, 0}));  // 255 * 257 = 65535
  CHECK_FALSE(can(kQuads, {64, 64, 0, 0, 64, -66, 0, 0}));
  CHECK(can(kQuads, {64, -64, 9, 9, 64, -65, 9, 9}));
  CHECK_FALSE(can(kQuads, {65, -64, 9, 9, 64, -65, 9, 9}));
  CHECK_FALSE(can(kQuads, {0, 0, 65, 64, 0, 0, 0, 0}));  // a pair saturates
  CHECK(can(kQuads, {127, 127, 127, 127, 127, 127, 127, 127}, 127));
  CHECK_FALSE(can(kQuads, {127, 127, 127, 127, 127, 127, 127, 127}, 130));
}

TEST_CASE("corrected blocks: the fastest GEMM that is exact takes a block") {
  Backend backend = test::saturating_backend();
  backend.gemm_complement = kComplement;
  backend.gemm_quads = kQuads;
  backend.gemm_complement.run = backend.gemm_quads.run = backend.gemm.run;  // never run here, only chosen
  WeightMatrix m{std::vector<std::int8_t>(48 * 64, 64), 1, 48, 1, 64};
  CHECK(PackedWeights(backend, m, 255).note() == ", quads 4 of 4 blocks");
  m.codes[0] = 65;
  CHECK(PackedWeights(backend, m, 255).note() ==
        ", quads 2, complemented 2 of 4 blocks: 0.1% of weight pairs may saturate");
  m.codes[0] = m.codes[1] = -128;
  CHECK(PackedWeights(backend, m, 255).note() == ", quads 2, widened 2 of 4 blocks: 0.1% of weight pairs may saturate");
  m.codes[1] = 127;
  CHECK(PackedWeights(backend, m, 255).note() == ", quads 2 of 3 blocks");
  WeightMatrix narrow{std::vector<std::int8_t>(8 * 9, 1), 1, 8, 1, 9};
  CHECK(PackedWeights(backend, narrow, 255).note().empty());  // three steps of four are less than two of eight
}

}  // namespace octet::kernels
