// SPDX-License-Identifier: Apache-2.0
// Weights in the order in which a backend's GEMM reads them: blocks of columns, each laid out as its GEMM's Packing
// says.
#pragma once

#include <octet/status.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kernels/aligned_bytes.h"
#include "kernels/microkernels.h"
#include "kernels/saturation.h"

namespace octet::kernels {

// All that the order of packed bytes follows from: backends of equal layout read each other's weights.
// The first byte counts the layouts themselves; raise it when one changes and its geometry does not.
using PackLayout = std::array<std::uint8_t, 21>;
PackLayout layout_of(const Backend& backend);

// Where one block of columns comes from: code (j, t, p) stands at data[j*column_stride + t*tap_stride + p*p_stride].
struct WeightSource {
  const std::int8_t* data;
  std::size_t column_stride, tap_stride, p_stride;
  std::uint8_t flip;  // 0x80 turns u8 codes into s8 codes on the way, else 0

  std::int8_t at(std::size_t j, std::size_t t, std::size_t p) const {
    const std::int8_t code = data[j * column_stride + t * tap_stride + p * p_stride];
    return static_cast<std::int8_t>(static_cast<std::uint8_t>(code) ^ flip);
  }
};

// The columns of one block, padded for this GEMM; the bytes it takes; whether this GEMM is exact there for input codes
// up to max_code; and the packing itself, of what it is exact for.
std::size_t block_width(const Gemm& gemm, std::size_t n);
std::size_t block_bytes(const Gemm& gemm, std::size_t taps, std::size_t kc, std::size_t n);
bool can_pack(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
              int max_code);
void pack_block(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
                int max_code, void* out) noexcept;

// What a weight exceeds the code in a WeightMatrix by.
struct Excess {
  std::size_t column, tap, k;
  std::int8_t weight;
};

struct WeightDims {
  std::size_t groups, columns, taps, kc;

  std::size_t all_columns() const { return groups * columns; }
  std::size_t k() const { return taps * kc; }
  friend bool operator==(const WeightDims&, const WeightDims&) = default;
};

// A whole constant operand: groups of columns that see different inputs.
struct WeightMatrix {
  std::vector<std::int8_t> codes;  // (groups, columns, taps, kc)
  std::size_t groups, columns, taps, kc;
  std::vector<Excess> excess = {};  // by column, almost always none

  std::size_t all_columns() const { return groups * columns; }
  std::size_t k() const { return taps * kc; }
  WeightDims dims() const { return {groups, columns, taps, kc}; }
  std::span<const std::int8_t> column(std::size_t c) const { return {codes.data() + c * k(), k()}; }
};

// Gathers a WeightMatrix from 8-bit codes in any order: index(c, t, p) says where column c (over all
// groups) keeps weight p of tap t. flip: 0x80 for u8 codes.
template <class Index>
WeightMatrix gather_weights(std::span<const std::uint8_t> codes, std::uint8_t flip, std::size_t groups,
                            std::size_t columns, std::size_t taps, std::size_t kc, Index index) {
  WeightMatrix matrix{std::vector<std::int8_t>(groups * columns * taps * kc), groups, columns, taps, kc};
  std::int8_t* next = matrix.codes.data();
  for (std::size_t c = 0; c < groups * columns; ++c) {
    for (std::size_t t = 0; t < taps; ++t) {
      for (std::size_t p = 0; p < kc; ++p) *next++ = static_cast<std::int8_t>(codes[index(c, t, p)] ^ flip);
    }
  }
  return matrix;
}

// Which of a backend's GEMMs runs a block. The numbers stand in files.
enum class BlockKind : std::uint8_t { fast = 0, exact = 1, complement = 2, quads = 3 };
constexpr BlockKind kBlockKinds[] = {BlockKind::fast, BlockKind::exact, BlockKind::complement, BlockKind::quads};
const Gemm& gemm_of(const Backend& backend, BlockKind kind);

struct PackedBlock {
  Gemm gemm;  // who runs it
  BlockKind kind;
  std::size_t group;
  std::size_t first_column;  // counted over all groups
  std::size_t columns;       // at most gemm.nr
  std::size_t offset;        // of its bytes
};

class PackedWeights {
 public:
  // max_code: the largest u8 code that the input can hold. Where the fast GEMM saturates, each block goes to the
  // fastest of the backend's GEMMs that is proven exact for it.
  PackedWeights(const Backend& backend, const WeightMatrix& weights, int max_code);

  // Weights that were packed before, for the same layout and code range, used where they lie. A block is told by
  // its kind and width alone. Nothing is believed: an error says which rule the bytes break, and whatever
  // they are, no GEMM that is given them leaves its operands or adds what may saturate.
  struct Stored {
    std::shared_ptr<const std::byte[]> bytes;  // aligned to kWeightAlignment
    std::size_t size = 0;                      // kOverread behind the last block included
    std::vector<std::pair<BlockKind, std::size_t>> blocks;
    SaturationCount counted;
  };
  static Result<PackedWeights> adopt(const Backend& backend, const WeightDims& dims, int max_code, Stored stored);

  std::span<const PackedBlock> blocks() const { return blocks_; }
  const void* data(const PackedBlock& block) const { return bytes_.get() + block.offset; }
  std::size_t size() const { return size_; }
  // All blocks, and kOverread zeros: what adopt() takes.
  std::span<const std::byte> bytes() const { return {bytes_.get(), size_ + kOverread}; }
  const SaturationCount& counted() const { return counted_; }
  // For the ledger: ", complemented 4 and widened 1 of 8 blocks: 2.4% of weight pairs may saturate", or nothing.
  std::string note() const;

 private:
  PackedWeights() = default;
  void add_block(const Backend& backend, BlockKind kind, std::size_t group, std::size_t columns, std::size_t bytes);

  std::vector<PackedBlock> blocks_;
  std::shared_ptr<const std::byte[]> bytes_;
  std::size_t size_ = 0;
  SaturationCount counted_;  // of the pairs of blocks as the fast GEMM would have them
};

}  // namespace octet::kernels
