// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "graph/inference.h"
#include "graph/op.h"
#include "graph/quant_parameters.h"

namespace octet::graph {
namespace {

Status check_codes(const ImportContext& context, const QuantParameters& parameters) {
  const Value& codes = context.graph[context.inputs[0]];
  if (codes.dtype != DType::u8 && codes.dtype != DType::s8 && codes.dtype != DType::s32) {
    return context.error(
        fmt::format("input '{}' has type {}: must be u8, s8 or s32", codes.name, name_of(codes.dtype)));
  }
  if (parameters.dtype && *parameters.dtype != codes.dtype) {
    return context.error(fmt::format("the zero point is {} and the input '{}' {}: must be the same",
                                     name_of(*parameters.dtype), codes.name, name_of(codes.dtype)));
  }
  const auto& zero_point = parameters.quant.zero_point;
  if (codes.dtype == DType::s32 && std::any_of(zero_point.begin(), zero_point.end(), [](auto z) { return z != 0; })) {
    return context.error("a zero point other than 0 for s32 input is not supported");
  }
  return {};
}

Status import_dequantize(ImportContext& context) {
  auto parameters = read_quant_parameters(context);
  if (!parameters) return parameters.status();
  if (Status status = check_codes(context, *parameters); !status) return status;
  const std::string name = fmt::format("{}/{}", context.name, context.graph[context.inputs[0]].name);
  return context.emit(Op::Dequantize, {with_parameters(context, context.inputs[0], parameters->quant, name)}, {});
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 1, 1); !status) return status;
  const Value& codes = graph.input(node, 0);
  if (!codes.is_quantized()) return node_error(node, fmt::format("input '{}' has no scale", codes.name));
  Value& reals = graph.output(node);
  reals.dtype = DType::f32;
  reals.shape = codes.shape;
  reals.shape_known = codes.shape_known;
  return codes.shape_known ? check_quant(node, codes.shape, codes.quant) : Status();
}

constexpr OnnxRule kRules[] = {
    {"DequantizeLinear", import_dequantize, "scales and zero points constant, f32; u8, s8, s32"},
    {"DequantizeLinear", import_dequantize, "scales and zero points constant, f32; u8, s8, s32", "com.microsoft"},
};

}  // namespace

// Never folded: lower_qdq wants to see the codes of weights, and evaluates what is left over with
// graph/passes/derived_constant.h.
const OpSchema dequantize_schema = {kRules, infer};

}  // namespace octet::graph
