// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "graph/inference.h"
#include "graph/op.h"
#include "graph/passes/derived_constant.h"
#include "graph/quant_parameters.h"

namespace octet::graph {
namespace {

// output_dtype (from opset 21) as TensorProto writes it.
Status check_output_dtype(const ImportContext& context, DType& dtype, bool has_zero_point) {
  constexpr std::int64_t kNotGiven = 0, kUint8 = 2, kInt8 = 3;
  const std::int64_t given = context.integer("output_dtype", kNotGiven);
  if (given == kNotGiven) return {};
  if (given != kUint8 && given != kInt8) {
    return context.unsupported("output_dtype", fmt::to_string(given), "supported are 2 (uint8) and 3 (int8)");
  }
  const DType asked = given == kUint8 ? DType::u8 : DType::s8;
  if (has_zero_point && asked != dtype) {
    return context.unsupported("output_dtype", name_of(asked), fmt::format("the zero point is {}", name_of(dtype)));
  }
  dtype = asked;
  return {};
}

Status import_quantize(ImportContext& context) {
  auto parameters = read_quant_parameters(context);
  if (!parameters) return parameters.status();
  DType dtype = parameters->dtype.value_or(DType::u8);
  if (Status status = check_output_dtype(context, dtype, parameters->dtype.has_value()); !status) return status;
  if (dtype == DType::s32) return context.error("the zero point is s32: must be u8 or s8");
  if (Status status = context.emit(Op::Quantize, {context.inputs[0]}, QuantizeAttrs{}); !status) return status;
  Value& codes = context.graph[context.outputs[0]];
  codes.dtype = dtype;
  codes.quant = std::move(parameters->quant);
  return {};
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 1, 1); !status) return status;
  const Value& x = graph.input(node, 0);
  Value& codes = graph.output(node);
  if (x.dtype != DType::f32) {
    return node_error(node, fmt::format("input '{}' has type {}: must be f32", x.name, name_of(x.dtype)));
  }
  if (!codes.is_quantized()) return node_error(node, fmt::format("output '{}' has no scale", codes.name));
  codes.shape = x.shape;
  codes.shape_known = x.shape_known;
  return x.shape_known ? check_quant(node, x.shape, codes.quant) : Status();
}

// Weights that a file holds as floats with a Quantize behind them become codes here.
bool fold(Graph& graph, Node& node) {
  const auto& attrs = node.as<QuantizeAttrs>();
  Value& codes = graph.output(node);
  if (attrs.clamp.active()) return false;
  auto folded = quantized(graph.input(node, 0), codes.dtype, codes.quant, attrs.reciprocal);
  if (!folded) return false;
  folded->name = codes.name;
  codes = std::move(*folded);
  return true;
}

constexpr OnnxRule kRules[] = {
    {"QuantizeLinear", import_quantize, "scales and zero points constant, f32; to u8 and s8"},
    {"QuantizeLinear", import_quantize, "scales and zero points constant, f32; to u8 and s8", "com.microsoft"},
};

}  // namespace

const OpSchema quantize_schema = {kRules, infer, fold};

}  // namespace octet::graph
