// SPDX-License-Identifier: Apache-2.0
// Codes to codes of other parameters, or of the other signedness. Made by passes: ONNX has no such op.
#include <fmt/format.h>

#include "graph/inference.h"
#include "graph/op.h"
#include "graph/quant_parameters.h"

namespace octet::graph {
namespace {

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 1, 1); !status) return status;
  const Value& x = graph.input(node, 0);
  Value& y = graph.output(node);
  for (const Value* value : {&x, static_cast<const Value*>(&y)}) {
    if (!value->is_quantized() || (value->dtype != DType::u8 && value->dtype != DType::s8)) {
      return node_error(node, fmt::format("'{}' has type {}{}: must be u8 or s8 codes with a scale", value->name,
                                          name_of(value->dtype), value->is_quantized() ? "" : " and no scale"));
    }
  }
  y.shape = x.shape;
  y.shape_known = x.shape_known;
  return x.shape_known ? check_quant(node, x.shape, y.quant) : Status();
}

}  // namespace

const OpSchema requantize_schema = {{}, infer};

}  // namespace octet::graph
