// SPDX-License-Identifier: Apache-2.0
#include "graph/dynamic_operands.h"

#include <fmt/format.h>

#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status expect_one(const Node& node, const Value& value, const char* what) {
  if (!value.shape_known || !value.shape.is_known() || value.shape.count() == 1) return {};
  return node_error(node, fmt::format("{} of shape {}: must be one number", what, to_string(value.shape)));
}

}  // namespace

Status check_dynamic_operands(const Graph& graph, const Node& node, int rank) {
  if (Status status = expect_inputs(node, 3, 5); !status) return status;
  const Value &x = graph.input(node, 0), &zero = graph.input(node, 1), &w = graph.input(node, 2);
  if ((x.dtype != DType::u8 && x.dtype != DType::s8) || zero.dtype != x.dtype || x.is_quantized())
    return node_error(node, fmt::format("reads {} with a zero point of {}: must be u8 or s8, and both the same",
                                        name_of(x.dtype), name_of(zero.dtype)));
  if (!w.is_constant() || !w.is_quantized() || w.shape.rank() != rank || w.shape[0] < 1)
    return node_error(node, fmt::format("weight '{}': must be constant codes with {} axes", w.name, rank));
  if (Status status = expect_one(node, zero, "zero point"); !status) return status;
  if (node.has_input(3)) {
    if (graph.input(node, 3).dtype != DType::f32)
      return node_error(node, fmt::format("scale of type {}: must be f32", name_of(graph.input(node, 3).dtype)));
    if (Status status = expect_one(node, graph.input(node, 3), "scale"); !status) return status;
  }
  if (!node.has_input(4)) return {};
  if (!node.has_input(3) || !graph.input(node, 4).is_constant() || graph.input(node, 4).dtype != DType::f32)
    return node_error(node, "its bias must be constant floats, behind a scale");
  return expect_vector(graph, node, 4, w.shape[0], "the bias");
}

}  // namespace octet::graph
