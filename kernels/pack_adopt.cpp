// SPDX-License-Identifier: Apache-2.0
// What is checked of packed bytes that come from a file. Kernels follow nothing in them anywhere: with the sizes right,
// wrong bytes can only give wrong numbers.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "kernels/corrected_block.h"
#include "kernels/pack.h"
#include "kernels/saturation.h"

namespace octet::kernels {
namespace {

// Whether no sum that this GEMM takes in 16 bits leaves them.
bool is_exact(const Gemm& gemm, std::span<const std::byte> block, const WeightDims& dims, std::size_t columns,
              int max_code) {
  if (gemm.packing == kPackWords) return true;
  if (gemm.packing != kPackCodes) return corrected_is_exact(gemm, block, dims.taps, dims.kc, columns, max_code);
  return count_unsafe(gemm, {reinterpret_cast<const std::int8_t*>(block.data()), block.size()}, max_code).unsafe == 0;
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
    if (kind > BlockKind::quads) return refuse(column, "are of no known kind");
    const Gemm& gemm = gemm_of(backend, kind);
    if (columns < 1 || columns > gemm.nr || column + columns > dims.all_columns() ||
        columns > (group + 1) * dims.columns - column) {
      return refuse(column, "form a block of a width that their backend does not have");
    }
    const std::size_t left = stored.size - std::min(stored.size, packed.size_);
    const std::span<const std::byte> room(stored.bytes.get() + packed.size_, left);
    const std::size_t size = block_bytes(gemm, dims.taps, dims.kc, columns);
    if (size > room.size()) return refuse(column, "end before their last block does");
    if (!is_exact(gemm, room.first(size), dims, columns, max_code)) return refuse(column, "may saturate");
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
