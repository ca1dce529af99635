// SPDX-License-Identifier: Apache-2.0
// Matrix products of codes with all that follows their accumulators; constant weights ready for it.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "kernels/epilogue.h"
#include "kernels/pack.h"

namespace octet::kernels {

// The left operand of one call and where its results go.
struct GemmRows {
  const std::uint8_t* const* pointers;  // (m, taps), at kc codes each
  std::size_t m;
  std::byte* out;                // (m, columns) codes or floats
  std::size_t out_stride;        // elements
  const std::uint8_t* residual;  // (m, columns) codes; nullptr where none joins
  std::size_t residual_stride;
};

// The right operand of one call: a packed block whose constants start at `column` of an Epilogue.
struct GemmColumns {
  const Gemm* gemm;
  const void* weights;
  std::size_t taps, kc, n;
  std::size_t column;
  const std::int32_t* bias;         // (block width)
  const std::int32_t* weight_zero;  // (block width), or nullptr: all 0
  std::span<const GemmExtra> extras;
};

// out = epilogue(rows * columns)
void run_gemm(const Epilogue& epilogue, const GemmColumns& columns, const GemmRows& rows) noexcept;

// A constant right operand, packed, with its epilogue.
class PackedGemm {
 public:
  PackedGemm(const Backend& backend, const WeightMatrix& weights, Epilogue epilogue, int max_code);

  std::size_t blocks() const { return weights_.blocks().size(); }
  std::size_t taps() const { return taps_; }
  std::size_t columns() const { return columns_; }  // over all groups
  std::size_t groups() const { return groups_; }
  std::size_t out_size() const { return epilogue_.out_size(); }
  bool has_add() const { return epilogue_.add.has_value(); }
  std::size_t mr() const { return backend_.gemm.mr; }
  std::size_t weight_bytes() const { return weights_.size(); }
  std::string note() const { return weights_.note(); }

  // Blocks [first, last). rows.pointers see the channels of group 0; with groups, `movable` is that
  // same table, and is left moved to the last group.
  void run(std::size_t first, std::size_t last, const GemmRows& rows, const std::uint8_t** movable) const noexcept;

 private:
  Backend backend_;
  std::size_t taps_, kc_, columns_, groups_;
  Epilogue epilogue_;
  PackedWeights weights_;
  // Per block, almost always empty: zero points that weights keep, and what exceeds their codes.
  struct Corrections {
    const std::int32_t* weight_zero = nullptr;
    std::vector<GemmExtra> extras;
    std::vector<std::vector<std::int8_t>> weights;  // of the extras
  };
  Corrections corrections_of(const PackedBlock& block, const WeightMatrix& weights) const;

  std::vector<Corrections> corrections_;
};

}  // namespace octet::kernels
