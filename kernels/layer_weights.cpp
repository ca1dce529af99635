// SPDX-License-Identifier: Apache-2.0
#include "kernels/layer_weights.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace octet::kernels {

std::vector<ColumnSums> LayerWeights::column_sums() const {
  std::vector<ColumnSums> columns;
  columns.reserve(sums.size());
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const std::int64_t furthest = 128 + (zero_point.empty() ? 0 : std::abs(zero_point[c]));
    columns.push_back({sums[c], distances.empty() ? static_cast<std::int64_t>(dims.k()) * furthest : distances[c]});
  }
  if (distances.empty()) {
    for (const Excess& e : excess) columns[e.column].distance += std::abs(e.weight);
  }
  return columns;
}

WeightQuant LayerWeights::quant(std::vector<float> scale) const {
  WeightQuant quant{std::move(scale), zero_point};
  quant.zero_point.resize(sums.size());
  return quant;
}

WeightKey weight_key(const OpContext& ctx, const WeightDims& dims, WeightOrder order, const WeightQuant& quant) {
  const Operand &x = ctx.inputs[0], &w = ctx.inputs[1];
  WeightKey key{w.constant, w.dtype == DType::u8, order, dims, layout_of(ctx.backend), 0, {}};
  if (ctx.backend.gemm.saturates != kSaturatesNot) key.max_code = x.max_code;
  if (std::ranges::any_of(quant.zero_point, [](std::int32_t z) { return z != 0; })) key.zero_point = quant.zero_point;
  return key;
}

}  // namespace octet::kernels
