// SPDX-License-Identifier: Apache-2.0
// What follows the accumulators of a node with constant weights: the constants of each output
// column, checked against the accumulator bound of docs/arithmetic.md.
#pragma once

#include <octet/status.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/op.h"
#include "kernels/pack.h"

namespace octet::kernels {

// Scale and zero point of every weight column.
struct WeightQuant {
  std::vector<float> scale;
  std::vector<std::int32_t> zero_point;  // of the s8 codes
};

// Those of input 1, given per tensor or along `axis`; column c takes entry c mod their number.
Result<WeightQuant> weight_quant(const OpContext& ctx, int axis, std::size_t columns);

// Moves each column's codes, and its zero point with them, so that it becomes 0. Where not all of them
// would stay s8, either a few go partly to `excess` or the zero point only comes as near to 0 as they
// allow. w - zw is what it was.
void absorb_zero_points(WeightMatrix& weights, WeightQuant& quant);

// What turns its codes into s8 on the way: u8 and s8 labels of one value differ in the top bit.
inline std::uint8_t flip_to_s8(const Operand& w) { return w.dtype == DType::u8 ? 0x80 : 0; }

// A column's share of the exact sum: what folding the zero points and proving the bound need.
struct ColumnSums {
  std::int64_t codes = 0;     // sum of w over the taps that are computed
  std::int64_t distance = 0;  // sum of |w - zw| over all taps of the channel
};

// The steps from accumulator to output, as data.
struct Epilogue {
  // Entries (columns + padding): readable for the width of any block. scale: of the codes, or from
  // accumulator to real where the output is f32.
  std::vector<std::int32_t> bias, multiplier, shift;
  std::vector<float> scale;
  std::vector<std::int32_t> weight_zero;  // likewise, but empty if all are 0
  std::vector<float> float_bias;          // (columns), f32 output with an f32 bias only
  std::int32_t zero_point = 0, min = 0, max = 0;
  Finish finish = Finish::fixed;  // accumulators: the output is f32
  graph::Clamp clamp;             // f32 output only
  std::optional<AddParams> add;   // a residual joins

  bool to_floats() const { return finish == Finish::accumulators; }
  std::size_t out_size() const { return to_floats() ? sizeof(float) : 1; }
  // Makes room for `columns`, all of factor 0.
  void resize(std::size_t columns);
  // M = sx*sw/so of column c as integers or float; refused if it is no number.
  Status set_factor(const OpContext& ctx, std::size_t c, float sx, float sw, float so);
  // The view from column `first` on.
  Requant requant(std::size_t first) const;
  // n accumulators at `row`, where columns first... stand, become floats in place.
  void make_floats(std::byte* row, std::size_t first, std::size_t n) const noexcept;
};

// The constants for input 0 (x), input 1 (w), optional input 2 (bias), output 0. `sums` per column,
// `k` weights per column that are computed, `residual`: its codes come from input 3.
Result<Epilogue> make_epilogue(const OpContext& ctx, const WeightQuant& quant, std::span<const ColumnSums> sums,
                               std::size_t k, const graph::Clamp& clamp, const graph::Residual* residual);

// Per column, for weights whose taps are all computed.
std::vector<ColumnSums> column_sums(const WeightMatrix& weights, const WeightQuant& quant);

// Input 0 must hold the backend's codes, input 1 constant 8-bit codes; output 0 gets codes or f32.
Status check_int8_operands(const OpContext& ctx);

}  // namespace octet::kernels
