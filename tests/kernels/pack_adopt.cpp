// SPDX-License-Identifier: Apache-2.0
// Packed bytes from elsewhere: taken if every rule holds, refused by name if one does not.
#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

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

Backend corrected_backend() {
  Backend backend = test::saturating_backend();
  backend.gemm_complement = {nullptr, 4, 24, 8, 4, kPackComplement, 0};
  backend.gemm_complement.run = backend.gemm.run;  // never run here, only chosen
  backend.gemm_quads = backend.gemm_complement;
  backend.gemm_quads.packing = kPackQuads;
  return backend;
}

}  // namespace

TEST_CASE("adopt: what a backend packs it takes back as it was") {
  std::vector<Backend> backends = test::test_backends();
  backends.push_back(corrected_backend());
  for (const Backend& backend : backends) {
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
  CHECK_THAT(message([](Stored& s) { s.blocks[0].first = static_cast<BlockKind>(4); }), Contains("kind"));
  CHECK_THAT(message([](Stored& s) { s.blocks[0].first = BlockKind::quads; }), Contains("width"));  // has no such GEMM
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

// Which block becomes which is the same whether a file or this build packed it, so the bytes that follow are known.
TEST_CASE("adopt: corrected blocks whose sums leave 16 bits are refused, wrong corrections are not judged") {
  const Backend backend = corrected_backend();
  const auto accepted = [&](const WeightMatrix& m, BlockKind kind, std::size_t at, std::int16_t value) {
    const PackedWeights packed(backend, m, 255);
    REQUIRE(packed.blocks()[0].kind == kind);
    const Copy copy(packed);
    std::memcpy(copy.bytes.get() + at, &value, sizeof(value));
    return PackedWeights::adopt(backend, m.dims(), 255, copy.stored).ok();
  };
  // One tap and eight columns: corrections of 64 bytes, then per step 32 bytes of weights and what belongs to them.
  WeightMatrix m = matrix_of(1, 8, 1, 8, 0);
  CHECK(accepted(m, BlockKind::quads, 0, -1));
  CHECK(accepted(m, BlockKind::quads, 64, 0x4040));  // weights 64 and 64
  CHECK_FALSE(accepted(m, BlockKind::quads, 64, 0x4140));
  CHECK(accepted(m, BlockKind::quads, 128, 32767));  // a constant that leaves room for nothing
  m.codes.assign(m.codes.size(), 1);
  CHECK_FALSE(accepted(m, BlockKind::quads, 128, 32767));
  CHECK_FALSE(accepted(m, BlockKind::quads, 64, 0x4040));
  CHECK(accepted(m, BlockKind::quads, 64, 0x3F3E));
  m.codes.assign(m.codes.size(), 127);
  CHECK(accepted(m, BlockKind::complement, 0, -1));
  CHECK(accepted(m, BlockKind::complement, 96, -1));  // a mask
  CHECK_FALSE(accepted(m, BlockKind::complement, 64, 0x7F7F));
}

}  // namespace octet::kernels
