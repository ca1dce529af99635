// SPDX-License-Identifier: Apache-2.0
// Quantization per run: parameters are computed from the values that they describe.
#include <fmt/format.h>

#include "graph/composer.h"
#include "graph/passes/derived_constant.h"
#include "graph/qoperator.h"
#include "graph/window.h"

namespace octet::graph {
namespace {

// The weights of a product whose zero point of `a` is computed: constant codes, with their parameters.
Result<Value> weights_of(ImportContext& context, ValueId a, ValueId w, const Quant& quant, bool matrix) {
  const Value& weights = context.graph[w];
  const int rank = weights.shape.rank();
  if (!weights.is_constant() || (matrix ? rank != 2 : rank < 3) ||
      (weights.dtype != DType::u8 && weights.dtype != DType::s8)) {
    return context.error(fmt::format("the zero point of '{}' is computed: supported with a constant {} of codes",
                                     context.graph[a].name, matrix ? "matrix" : "weight"));
  }
  Value meant = weights;
  meant.quant = quant;
  return meant;
}

}  // namespace

DynamicCodes quantize_dynamically(ImportContext& context, ValueId x) {
  std::vector<std::string> output_names(3);
  std::string name = context.name + "/quantize";
  std::swap(context.output_names, output_names);
  std::swap(context.name, name);
  static_cast<void>(context.emit(Op::DynamicQuantize, {x}, {}));  // only refuses outputs that it does not have
  std::swap(context.output_names, output_names);
  std::swap(context.name, name);
  return {context.outputs[0], context.outputs[1], context.outputs[2]};
}

Result<ValueId> dynamic_product(ImportContext& context, ValueId a, ValueId za, ValueId w, const Quant& quant) {
  auto columns = weights_of(context, a, w, quant, true);  // (k, n), its parameters per tensor or per column
  if (!columns) return columns.status();
  constexpr std::int64_t kSwap[] = {1, 0};
  Value rows = permuted(*columns, kSwap);
  rows.name = fmt::format("{}/{}", context.name, columns->name);
  return Composer(context).node(Op::DynamicDense, {a, za, context.graph.add_value(std::move(rows))},
                                DynamicDenseAttrs{});
}

Result<ValueId> dynamic_convolution(ImportContext& context, ValueId a, ValueId za, ValueId w, const Quant& quant) {
  auto weights = weights_of(context, a, w, quant, false);  // (out, in/groups, spatial...), per tensor or per output
  if (!weights) return weights.status();
  const auto spatial = spatial_axes(context, 1);
  if (!spatial) return spatial.status();
  const auto window = read_window(context, *spatial);
  if (!window) return window.status();
  DynamicConv2dAttrs attrs{*window, context.integer("group", 1), false, {}};
  if (!context.has("kernel_shape")) attrs.window.kernel = {0, 0};  // inference takes it from the weight
  weights->name = fmt::format("{}/{}", context.name, weights->name);
  ValueId meant = context.graph.add_value(std::move(*weights));
  if (*spatial == 1) meant = add_height(context, meant, "weight");
  std::vector<std::string> output_names{context.name + "/sums"};
  std::swap(context.output_names, output_names);
  const Status status = emit_spatial(context, *spatial, Op::DynamicConv2d, {a, za, meant}, attrs);
  std::swap(context.output_names, output_names);
  if (!status) return status;
  return context.outputs[0];
}

}  // namespace octet::graph
