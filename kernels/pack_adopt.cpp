// SPDX-License-Identifier: Apache-2.0
// What is checked of packed bytes that come from a file. Kernels follow nothing in them but the places of
// paired blocks: with those inside their rows and the sizes right, wrong bytes can only give wrong numbers.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kernels/pack.h"
#include "kernels/pairing.h"

namespace octet::kernels {
namespace {

using Weights = std::span<const std::int8_t>;

Weights first_of(std::span<const std::byte> bytes, std::size_t count) {
  return {reinterpret_cast<const std::int8_t*>(bytes.data()), count};
}

// Whether a GEMM that adds two products in 16 bits never saturates on these.
bool is_exact(Weights weights, std::uint8_t saturates, int max_code) {
  if (saturates == kSaturatesS8) return count_unsafe_signed_pairs(weights).unsafe == 0;
  return saturates == kSaturatesNot || count_unsafe_pairs(weights, max_code).unsafe == 0;
}

}  // namespace

Result<PackedWeights> PackedWeights::adopt(const Backend& backend, const WeightDims& dims, int max_code,
                                           Stored stored) {
  const auto refuse = [](std::size_t column, const char* rule) {
    return Status::error(fmt::format("its packed weights from column {} on {}", column, rule));
  };
  PackedWeights packed;
  std::size_t column = 0;
  for (const auto& [kind, columns] : stored.blocks) {
    const std::size_t group = column / dims.columns;
    if (kind > BlockKind::paired) return refuse(column, "are of no known kind");
    const Gemm& gemm = gemm_of(backend, kind);
    if (columns < 1 || columns > gemm.nr || column + columns > dims.all_columns() ||
        columns > (group + 1) * dims.columns - column) {
      return refuse(column, "form a block of a width that their backend does not have");
    }
    const std::size_t left = stored.size - std::min(stored.size, packed.size_);
    const std::span<const std::byte> room(stored.bytes.get() + packed.size_, left);
    std::size_t size = block_bytes(gemm, dims.taps, dims.kc, columns);
    bool exact = true;
    if (kind == BlockKind::paired) {
      const auto weights = PairedBlock::weights_in(room, gemm, dims.taps, dims.kc, columns);
      if (!weights) return refuse(column, "are no block of paired weights");
      size =
          static_cast<std::size_t>(reinterpret_cast<const std::byte*>(weights->data()) - room.data()) + weights->size();
      exact = is_exact(*weights, kSaturatesU8, max_code);
    } else if (size <= room.size()) {
      exact = is_exact(first_of(room, size), gemm.saturates, max_code);
    }
    if (size > room.size()) return refuse(column, "end before their last block does");
    if (!exact) return refuse(column, "may saturate");
    packed.add_block(backend, kind, group, columns, size);
    column += columns;
  }
  if (column != dims.all_columns() || packed.size_ + kOverread != stored.size) {
    return refuse(column, "do not make up the whole matrix");
  }
  packed.bytes_ = std::move(stored.bytes);
  packed.counted_ = stored.counted;
  return packed;
}

}  // namespace octet::kernels
