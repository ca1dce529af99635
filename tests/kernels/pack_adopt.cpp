// SPDX-License-Identifier: Apache-2.0
// Packed bytes from elsewhere: taken if every rule holds, refused by name if one does not.
#include <algorithm>
#include <cstring>
#include <random>

#include "kernels/pack.h"
#include "tests/kernels/test_backends.h"
#include "tests/support/catch.h"

namespace octet::kernels {
namespace {

using Catch::Matchers::Contains;
using Stored = PackedWeights::Stored;

WeightMatrix matrix_of(std::size_t groups, std::size_t columns, std::size_t taps, std::size_t kc, int limit) {
  WeightMatrix m{std::vector<std::int8_t>(groups * columns * taps * kc), groups, columns, taps, kc};
  std::mt19937 engine(51);
  std::uniform_int_distribution<int> code(-limit, limit);
  for (std::int8_t& w : m.codes) w = static_cast<std::int8_t>(code(engine));
  return m;
}

// What a file would hold, changeable.
struct Copy {
  std::shared_ptr<std::byte[]> bytes;
  Stored stored;

  explicit Copy(const PackedWeights& packed)
      : bytes(allocate_aligned(packed.bytes().size())), stored{bytes, packed.bytes().size(), {}, packed.counted()} {
    std::memcpy(bytes.get(), packed.bytes().data(), packed.bytes().size());
    for (const PackedBlock& block : packed.blocks()) stored.blocks.emplace_back(block.kind, block.columns);
  }
};

Backend backend_with_pairs() {
  Backend backend = test::saturating_backend();
  backend.gemm_paired = backend.gemm_exact;  // never run here, only chosen
  backend.gemm_paired.nu = 8;
  return backend;
}

}  // namespace

TEST_CASE("adopt: what a backend packs it takes back as it was") {
  for (const Backend& backend : test::test_backends()) {
    for (const int limit : {60, 127}) {
      const WeightMatrix m = matrix_of(2, 50, 3, 37, limit);
      const PackedWeights packed(backend, m, 255);
      const PackedWeights adopted = PackedWeights::adopt(backend, m.dims(), 255, Copy(packed).stored).value();
      CHECK(adopted.size() == packed.size());
      CHECK(adopted.note() == packed.note());
      REQUIRE(adopted.blocks().size() == packed.blocks().size());
      for (std::size_t b = 0; b < packed.blocks().size(); ++b) {
        const PackedBlock &is = adopted.blocks()[b], &was = packed.blocks()[b];
        CHECK(is.gemm.run == was.gemm.run);
        CHECK(is.group == was.group);
        CHECK(is.first_column == was.first_column);
        CHECK(is.columns == was.columns);
        CHECK(is.offset == was.offset);
      }
    }
  }
}

TEST_CASE("adopt: blocks that do not make up the matrix are refused") {
  const Backend backend = test::saturating_backend();
  const WeightMatrix m = matrix_of(2, 50, 2, 8, 60);
  const Copy copy{PackedWeights(backend, m, 255)};
  const auto message = [&](auto change) {
    Stored stored = copy.stored;
    change(stored);
    return PackedWeights::adopt(backend, m.dims(), 255, std::move(stored)).status().message();
  };
  CHECK_THAT(message([](Stored& s) { s.blocks.pop_back(); }), Contains("whole matrix"));
  CHECK_THAT(message([](Stored& s) { s.blocks.emplace_back(BlockKind::fast, 8); }), Contains("width"));
  CHECK_THAT(message([](Stored& s) { s.blocks[0].second = 0; }), Contains("width"));
  CHECK_THAT(message([](Stored& s) { s.blocks[0].second = 25; }), Contains("width"));
  CHECK_THAT(message([](Stored& s) { s.blocks[2].second += 1; }), Contains("width"));  // into the next group
  CHECK_THAT(message([](Stored& s) { s.blocks[0].first = static_cast<BlockKind>(3); }), Contains("kind"));
  CHECK_THAT(message([](Stored& s) { s.blocks[0].first = BlockKind::paired; }), Contains("width"));  // has no such GEMM
  CHECK_THAT(message([](Stored& s) { s.size -= 64; }), Contains("whole matrix"));
  CHECK_THAT(message([](Stored& s) { s.size = 100; }), Contains("end before"));
  CHECK_THAT(message([](Stored& s) { s.size = 0; }), Contains("end before"));
}

TEST_CASE("adopt: weights that may saturate are refused") {
  const Backend backend = test::saturating_backend();
  const WeightMatrix m = matrix_of(1, 20, 1, 8, 60);
  const Copy copy{PackedWeights(backend, m, 255)};
  CHECK(PackedWeights::adopt(backend, m.dims(), 255, copy.stored).ok());
  copy.bytes[0] = copy.bytes[1] = std::byte{100};
  CHECK_THAT(PackedWeights::adopt(backend, m.dims(), 255, copy.stored).status().message(), Contains("may saturate"));
  CHECK(PackedWeights::adopt(backend, m.dims(), 127, copy.stored).ok());
}

TEST_CASE("adopt: places of paired blocks stay inside their rows") {
  const Backend backend = backend_with_pairs();
  WeightMatrix m = matrix_of(1, 16, 2, 64, 10);
  // Of the first window's 16 k nine are large: two of them find no partner, for one of which there is no room.
  for (std::size_t c = 0; c < 16; ++c) std::fill_n(m.codes.begin() + static_cast<std::ptrdiff_t>(c * m.k()), 9, 100);
  const PackedWeights packed(backend, m, 255);
  const Copy copy(packed);
  REQUIRE(packed.blocks()[0].kind == BlockKind::paired);
  std::int32_t extras;
  std::memcpy(&extras, copy.bytes.get(), 4);
  const auto accepted = [&](std::size_t at, std::int32_t value) {
    std::int32_t before;
    std::memcpy(&before, copy.bytes.get() + at, 4);
    std::memcpy(copy.bytes.get() + at, &value, 4);
    const bool ok = PackedWeights::adopt(backend, m.dims(), 255, copy.stored).ok();
    std::memcpy(copy.bytes.get() + at, &before, 4);
    return ok;
  };
  CHECK(accepted(0, extras));
  for (const std::int32_t count : {extras + 4, extras + 1, -4, INT32_MAX, INT32_MAX - 3})
    CHECK_FALSE(accepted(0, count));
  REQUIRE(extras == 4);
  CHECK(accepted(64, 1));
  CHECK_FALSE(accepted(64, 2));  // taps
  CHECK_FALSE(accepted(64, -1));
  CHECK(accepted(68, 63));
  CHECK_FALSE(accepted(68, 64));  // kc
  CHECK_FALSE(accepted(68, -1));
}

}  // namespace octet::kernels
