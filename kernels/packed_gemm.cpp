// SPDX-License-Identifier: Apache-2.0
#include "kernels/packed_gemm.h"

#include <algorithm>
#include <utility>

namespace octet::kernels {
void run_gemm(const Epilogue& epilogue, const GemmColumns& columns, const GemmRows& rows) noexcept {
  Requant requant = epilogue.requant(columns.column);
  requant.bias = columns.bias;
  columns.gemm->run({.rows = rows.pointers,
                     .m = rows.m,
                     .taps = columns.taps,
                     .kc = columns.kc,
                     .n = columns.n,
                     .weights = columns.weights,
                     .out = rows.out,
                     .out_stride = rows.out_stride,
                     .requant = &requant,
                     .add = epilogue.add ? &*epilogue.add : nullptr,
                     .residual = rows.residual,
                     .residual_stride = rows.residual_stride,
                     .weight_zero = columns.weight_zero,
                     .extras = columns.extras.data(),
                     .n_extras = columns.extras.size()});
  if (!epilogue.to_floats()) return;
  // An accumulator is as large as a float: they were left where the floats belong.
  for (std::size_t i = 0; i < rows.m; ++i) {
    epilogue.make_floats(rows.out + i * rows.out_stride * sizeof(float), columns.column, columns.n);
  }
}

PackedGemm::PackedGemm(const Backend& backend, const WeightMatrix& weights, Epilogue epilogue, int max_code)
    : backend_(backend),
      taps_(weights.taps),
      kc_(weights.kc),
      columns_(weights.all_columns()),
      groups_(weights.groups),
      epilogue_(std::move(epilogue)),
      weights_(backend, weights, max_code) {
  for (const PackedBlock& block : weights_.blocks()) corrections_.push_back(corrections_of(block, weights));
}

PackedGemm::Corrections PackedGemm::corrections_of(const PackedBlock& block, const WeightMatrix& weights) const {
  Corrections corrections;
  const std::size_t first = block.first_column;
  if (!epilogue_.weight_zero.empty()) {
    const std::int32_t* const zero = epilogue_.weight_zero.data() + first;
    if (std::any_of(zero, zero + block.columns, [](std::int32_t z) { return z != 0; })) corrections.weight_zero = zero;
  }
  for (const Excess& excess : weights.excess) {
    if (excess.column < first || excess.column >= first + block.columns) continue;
    corrections.weights.emplace_back(4 * block_width(block.gemm, block.columns));
    corrections.weights.back()[4 * (excess.column - first)] = excess.weight;
    corrections.extras.push_back({excess.tap, excess.k, corrections.weights.back().data()});
  }
  return corrections;
}

void PackedGemm::run(std::size_t first, std::size_t last, const GemmRows& rows,
                     const std::uint8_t** movable) const noexcept {
  std::size_t group = 0;
  for (std::size_t b = first; b < last; ++b) {
    const PackedBlock& block = weights_.blocks()[b];
    if (block.group != group) {
      for (std::size_t i = 0; i < rows.m * taps_; ++i) movable[i] += (block.group - group) * kc_;
      group = block.group;
    }
    const std::size_t column = block.first_column;
    GemmRows at = rows;
    at.out += column * out_size();
    if (at.residual != nullptr) at.residual += column;
    run_gemm(epilogue_,
             {.gemm = &block.gemm,
              .weights = weights_.data(block),
              .taps = taps_,
              .kc = kc_,
              .n = block.columns,
              .column = column,
              .bias = epilogue_.bias.data() + column,
              .weight_zero = corrections_[b].weight_zero,
              .extras = corrections_[b].extras},
             at);
  }
}

}  // namespace octet::kernels
