// SPDX-License-Identifier: Apache-2.0
// Codes of a whole tensor, with the parameters that its own values ask for. Outputs: u8 codes, f32 scale, u8 zero
// point.
#include <fmt/format.h>

#include "graph/dims.h"
#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status import_dynamic_quantize(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  return context.emit(Op::DynamicQuantize, context.inputs, {});
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 1, 1); !status) return status;
  const Value& x = graph.input(node, 0);
  if (x.dtype != DType::f32) return node_error(node, fmt::format("reads {}: must be f32", name_of(x.dtype)));
  if (node.outputs.size() != 3) return node_error(node, "must have 3 outputs");
  if (Status status = set_output(graph, node, 1, DType::f32, {}); !status) return status;
  if (Status status = set_output(graph, node, 2, DType::u8, {}); !status) return status;
  if (x.shape_known) return set_output(graph, node, 0, DType::u8, to_dims(x.shape));
  Value& codes = graph.output(node);
  codes.dtype = DType::u8;
  codes.shape_known = false;
  return {};
}

constexpr OnnxRule kRules[] = {{"DynamicQuantizeLinear", import_dynamic_quantize}};

}  // namespace

const OpSchema dynamic_quantize_schema = {kRules, infer};

}  // namespace octet::graph
