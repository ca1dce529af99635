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
                     .zeros = rows.zeros,
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
    : PackedGemm(backend,
                 std::make_shared<LayerWeights>(
                     LayerWeights{weights.dims(), PackedWeights(backend, weights, max_code), {}, weights.excess, {}}),
                 std::move(epilogue)) {}

PackedGemm::PackedGemm(const Backend& backend, LayerWeightsPtr weights, Epilogue epilogue)
    : mr_(backend.gemm.mr), epilogue_(std::move(epilogue)), weights_(std::move(weights)) {
  for (const PackedBlock& block : packed().blocks()) corrections_.push_back(corrections_of(block));
}

PackedGemm::Corrections PackedGemm::corrections_of(const PackedBlock& block) const {
  Corrections corrections;
  const std::size_t first = block.first_column;
  if (!epilogue_.weight_zero.empty()) {
    const std::int32_t* const zero = epilogue_.weight_zero.data() + first;
    if (std::any_of(zero, zero + block.columns, [](std::int32_t z) { return z != 0; })) corrections.weight_zero = zero;
  }
  const std::vector<Excess>& all = weights_->excess;
  for (auto e = std::ranges::lower_bound(all, first, {}, &Excess::column); e != all.end(); ++e) {
    if (e->column >= first + block.columns) break;
    corrections.weights.emplace_back(4 * block_width(block.gemm, block.columns));
    corrections.weights.back()[4 * (e->column - first)] = e->weight;
    corrections.extras.push_back({e->tap, e->k, corrections.weights.back().data()});
  }
  return corrections;
}

void PackedGemm::run(std::size_t first, std::size_t last, const GemmRows& rows,
                     const std::uint8_t** movable) const noexcept {
  const WeightDims& dims = weights_->dims;
  std::size_t group = 0;
  for (std::size_t b = first; b < last; ++b) {
    const PackedBlock& block = packed().blocks()[b];
    if (block.group != group) {
      for (std::size_t i = 0; i < rows.m * dims.taps; ++i) movable[i] += (block.group - group) * dims.kc;
      group = block.group;
    }
    const std::size_t column = block.first_column;
    GemmRows at = rows;
    at.out += column * out_size();
    if (at.residual != nullptr) at.residual += column;
    run_gemm(epilogue_,
             {.gemm = &block.gemm,
              .weights = packed().data(block),
              .taps = dims.taps,
              .kc = dims.kc,
              .n = block.columns,
              .column = column,
              .bias = epilogue_.bias.data() + column,
              .weight_zero = corrections_[b].weight_zero,
              .extras = corrections_[b].extras},
             at);
  }
}

Result<PackedGemm> make_packed_gemm(const OpContext& ctx, const WeightDims& dims, WeightOrder order,
                                    const std::function<WeightMatrix()>& gather, const graph::Clamp& clamp,
                                    const graph::Residual* residual) {
  Result<WeightQuant> quant = weight_quant(ctx, 0, dims.all_columns());
  if (!quant) return quant.status();
  const WeightKey key = weight_key(ctx, dims, order, *quant);
  if (ctx.weights != nullptr) {
    Result<LayerWeightsPtr> found = ctx.weights->find(key, ctx.backend);
    if (!found) return ctx.error(found.status().message());
    if (const LayerWeightsPtr& known = *found; known != nullptr) {
      Result<Epilogue> epilogue =
          make_epilogue(ctx, known->quant(quant->scale), known->column_sums(), dims.k(), clamp, residual);
      // What a bound cannot prove the weights themselves may.
      if (epilogue.ok()) return PackedGemm(ctx.backend, known, std::move(*epilogue));
      if (!known->distances.empty()) return epilogue.status();
    }
    if (Status status = ctx.weights->before_reading(key.constant); !status) return ctx.error(status.message());
  }
  WeightMatrix weights = gather();
  absorb_zero_points(weights, *quant);
  const std::vector<ColumnSums> sums = column_sums(weights, *quant);
  Result<Epilogue> epilogue = make_epilogue(ctx, *quant, sums, dims.k(), clamp, residual);
  if (!epilogue) return epilogue.status();
  LayerWeights layer{dims, PackedWeights(ctx.backend, weights, ctx.inputs[0].max_code), {}, {}, {}};
  if (!epilogue->weight_zero.empty()) layer.zero_point = std::move(quant->zero_point);
  layer.excess = std::move(weights.excess);
  for (const ColumnSums& sum : sums) {
    layer.sums.push_back(static_cast<std::int32_t>(sum.codes));
    layer.distances.push_back(static_cast<std::int32_t>(sum.distance));
  }
  LayerWeightsPtr made = std::make_shared<const LayerWeights>(std::move(layer));
  if (ctx.weights != nullptr) made = ctx.weights->share(key, std::move(made));
  return PackedGemm(ctx.backend, std::move(made), std::move(*epilogue));
}

}  // namespace octet::kernels
