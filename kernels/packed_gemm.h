// SPDX-License-Identifier: Apache-2.0
// Matrix products of codes with all that follows their accumulators; constant weights ready for it.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "kernels/epilogue.h"
#include "kernels/layer_weights.h"
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
  const std::uint8_t* zeros;  // GemmArgs::zeros
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
  PackedGemm(const Backend& backend, LayerWeightsPtr weights, Epilogue epilogue);
  PackedGemm(PackedGemm&&) = default;  // a copy's corrections would point into the original

  std::size_t blocks() const { return packed().blocks().size(); }
  std::size_t taps() const { return weights_->dims.taps; }
  std::size_t columns() const { return weights_->dims.all_columns(); }  // over all groups
  std::size_t groups() const { return weights_->dims.groups; }
  std::size_t out_size() const { return epilogue_.out_size(); }
  bool has_add() const { return epilogue_.add.has_value(); }
  std::size_t mr() const { return mr_; }
  std::size_t weight_bytes() const { return packed().size(); }
  std::string note() const { return packed().note(); }

  // Blocks [first, last). rows.pointers see the channels of group 0; with groups, `movable` is that
  // same table, and is left moved to the last group.
  void run(std::size_t first, std::size_t last, const GemmRows& rows, const std::uint8_t** movable) const noexcept;

 private:
  const PackedWeights& packed() const { return weights_->packed; }

  std::size_t mr_;
  Epilogue epilogue_;
  LayerWeightsPtr weights_;
  // Per block, almost always empty: zero points that weights keep, and what exceeds their codes.
  struct Corrections {
    const std::int32_t* weight_zero = nullptr;
    std::vector<GemmExtra> extras;
    std::vector<std::vector<std::int8_t>> weights;  // of the extras
  };
  Corrections corrections_of(const PackedBlock& block) const;

  std::vector<Corrections> corrections_;
};

// That of a layer: `w` is input 1, scaled along axis 0. Packed weights come from the context's store if it has
// them; only otherwise are the constant's elements read, by `gather`.
Result<PackedGemm> make_packed_gemm(const OpContext& ctx, const WeightDims& dims, WeightOrder order,
                                    const std::function<WeightMatrix()>& gather, const graph::Clamp& clamp,
                                    const graph::Residual* residual);

}  // namespace octet::kernels
