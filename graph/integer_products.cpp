// SPDX-License-Identifier: Apache-2.0
// Quantization per run: parameters are computed from the values that they describe.
#include "graph/integer_products.h"

#include <fmt/format.h>

#include "graph/composer.h"
#include "graph/op.h"
#include "graph/passes/derived_constant.h"
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

Quant unit_quant(std::vector<std::int32_t> zero_point, int axis) {
  Quant quant;
  quant.scale.assign(zero_point.size(), 1.0F);
  quant.axis = zero_point.size() > 1 ? axis : -1;
  quant.zero_point = std::move(zero_point);
  return quant;
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

Result<Quant> unit_quant_of(const ImportContext& context, std::size_t index, std::size_t zero, int axis) {
  const Value& codes = context.graph[context.inputs[index]];
  if (codes.dtype != DType::u8 && codes.dtype != DType::s8)
    return context.error(fmt::format("input {} is {}: must be u8 or s8", index, name_of(codes.dtype)));
  std::vector<std::int32_t> zero_point{0};
  if (context.has_input(zero)) {
    const Value& value = context.graph[context.inputs[zero]];
    if (!value.is_constant() || value.shape.count() < 1 || value.dtype != codes.dtype) {
      return context.error(
          fmt::format("zero point '{}': must be a constant of type {}", value.name, name_of(codes.dtype)));
    }
    const auto take = [&](auto elements) { zero_point.assign(elements.begin(), elements.end()); };
    if (value.dtype == DType::u8) take(value.as<std::uint8_t>());
    if (value.dtype == DType::s8) take(value.as<std::int8_t>());
  }
  return unit_quant(std::move(zero_point), axis);
}

Status finish_integers(ImportContext& context, const Result<ValueId>& product) {
  return product ? context.emit(Op::Cast, {*product}, CastAttrs{DType::s32}) : product.status();
}

template <bool convolution>
Status import_dynamic_product(ImportContext& context) {
  if (Status status = context.expect_inputs(3, 4); !status) return status;
  const int rank = context.graph[context.inputs[1]].shape.rank();
  const auto weights = unit_quant_of(context, 1, 3, convolution ? 0 : rank - 1);
  if (!weights) return weights.status();
  const auto product = convolution ? dynamic_convolution : dynamic_product;
  return finish_integers(context, product(context, context.inputs[0], context.inputs[2], context.inputs[1], *weights));
}
template Status import_dynamic_product<false>(ImportContext&);
template Status import_dynamic_product<true>(ImportContext&);

namespace {

constexpr OnnxRule kRules[] = {
    {"ConvInteger", import_dynamic_product<true>},
    {"MatMulInteger", import_dynamic_product<false>},
};

}  // namespace

const std::span<const OnnxRule> integer_product_rules = kRules;

}  // namespace octet::graph
