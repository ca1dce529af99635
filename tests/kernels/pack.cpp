// SPDX-License-Identifier: Apache-2.0
#include "kernels/pack.h"

#include <cstring>
#include <random>

#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

WeightMatrix random_matrix(std::mt19937& engine, std::size_t groups, std::size_t columns, std::size_t taps,
                           std::size_t kc, int limit) {
  WeightMatrix m{std::vector<std::int8_t>(groups * columns * taps * kc), groups, columns, taps, kc};
  std::uniform_int_distribution<int> code(-limit, limit);
  for (std::int8_t& w : m.codes) w = static_cast<std::int8_t>(code(engine));
  return m;
}

// Element (t, p, j) of a packed block, straight from the contract in kernels/microkernels.h.
int element(const Gemm& gemm, const void* block, std::size_t kc, std::size_t n, std::size_t t, std::size_t p,
            std::size_t j) {
  const std::size_t groups = (kc + gemm.kr - 1) / gemm.kr, width = (n + gemm.nu - 1) / gemm.nu * gemm.nu;
  const std::size_t at = ((t * groups + p / gemm.kr) * width + j) * gemm.kr + p % gemm.kr;
  return gemm.packing == kPackWords ? static_cast<const std::int16_t*>(block)[at] : static_cast<const std::int8_t*>(block)[at];
}

void check_layout(const PackedWeights& packed, const WeightMatrix& m) {
  std::size_t covered = 0;
  for (const PackedBlock& block : packed.blocks()) {
    const Gemm& gemm = block.gemm;
    const void* const data = packed.data(block);
    CHECK(reinterpret_cast<std::uintptr_t>(data) % kWeightAlignment == 0);
    REQUIRE(block.columns >= 1);
    REQUIRE(block.columns <= gemm.nr);
    REQUIRE(block.first_column == covered);
    REQUIRE(block.group == covered / m.columns);
    covered += block.columns;
    REQUIRE(covered <= (block.group + 1) * m.columns);  // no block crosses a group
    for (std::size_t t = 0; t < m.taps; ++t) {
      for (std::size_t p = 0; p < round_up(m.kc, gemm.kr); ++p) {
        for (std::size_t j = 0; j < block_width(gemm, block.columns); ++j) {
          const bool real = p < m.kc && j < block.columns;
          const int expected = real ? m.column(block.first_column + j)[t * m.kc + p] : 0;
          if (element(gemm, data, m.kc, block.columns, t, p, j) != expected) FAIL(t << ", " << p << ", " << j);
        }
      }
    }
  }
  CHECK(covered == m.all_columns());
}

}  // namespace

TEST_CASE("pack: every geometry follows the contract") {
  std::mt19937 engine(21);
  Backend backend = test::saturating_backend();
  const Gemm geometries[] = {{nullptr, 1, 1, 1, 1, kPackCodes, 0},   {nullptr, 4, 16, 4, 4, kPackCodes, 0},
                             {nullptr, 6, 64, 16, 4, kPackCodes, 0}, {nullptr, 4, 12, 4, 2, kPackWords, 0},
                             {nullptr, 4, 8, 8, 8, kPackCodes, 0},   {nullptr, 1, 32, 8, 1, kPackWords, 0}};
  for (const Gemm& gemm : geometries) {
    backend.gemm = gemm;
    for (int i = 0; i < 12; ++i) {
      const WeightMatrix m =
          random_matrix(engine, 1 + engine() % 3, 1 + engine() % 70, 1 + engine() % 4, 1 + engine() % 21, 127);
      const PackedWeights packed(backend, m, 255);
      check_layout(packed, m);
      CHECK(packed.note().empty());
    }
  }
}

TEST_CASE("pack: blocks that may saturate go to the exact GEMM, the rest stay") {
  std::mt19937 engine(22);
  const Backend backend = test::saturating_backend();  // fast blocks of 24, exact ones of 16
  WeightMatrix m = random_matrix(engine, 2, 50, 2, 7, 64);
  CHECK(PackedWeights(backend, m, 255).blocks().size() == 6);
  const auto set = [&m](std::size_t column, std::size_t k, int code) {
    m.codes[column * m.k() + k] = static_cast<std::int8_t>(code);
  };
  set(30, 6, 127);  // k = 6 of tap 0 makes a pair with padding: safe
  check_layout(PackedWeights(backend, m, 255), m);
  CHECK(PackedWeights(backend, m, 255).note().empty());
  set(30, 2, 127);
  set(30, 3, 2);  // (2, 3) is a pair: 129
  set(51, 1, -127);
  set(51, 2, -127);  // (1, 2) is none
  set(51, 0, 0);
  set(51, 3, 0);
  const PackedWeights packed(backend, m, 255);
  check_layout(packed, m);
  REQUIRE(packed.blocks().size() == 6);
  for (std::size_t b = 0; b < 6; ++b) {
    const bool second_of_group_0 = b == 1;  // 50 columns are 24 + 16 + 10
    CHECK((packed.blocks()[b].gemm.packing == kPackWords) == second_of_group_0);
  }
  CHECK(packed.note() == ", widened 1 of 6 blocks: 0.1% of weight pairs may saturate");
  CHECK(PackedWeights(backend, m, 127).note().empty());
}

TEST_CASE("pack: any order of codes, and u8 codes on the way") {
  std::mt19937 engine(23);
  const Gemm gemm{nullptr, 4, 16, 4, 4, kPackCodes, 0};
  std::vector<std::uint8_t> b(11 * 9);  // (k, n), as the right operand of a matrix product lies
  for (std::uint8_t& code : b) code = static_cast<std::uint8_t>(engine());
  std::vector<std::int8_t> out(block_bytes(gemm, 1, 11, 9));
  pack_block(gemm, {reinterpret_cast<const std::int8_t*>(b.data()), 1, 0, 9, 0x80}, 1, 11, 9, 255, out.data());
  for (std::size_t p = 0; p < 12; ++p) {
    for (std::size_t j = 0; j < 12; ++j) {
      CHECK(element(gemm, out.data(), 11, 9, 0, p, j) == (p < 11 && j < 9 ? b[p * 9 + j] - 128 : 0));
    }
  }
}

}  // namespace octet::kernels
