// SPDX-License-Identifier: Apache-2.0
#include "graph/inference.h"

#include <fmt/format.h>

#include "graph/op.h"

namespace octet::graph {

Status expect_inputs(const Node& node, std::size_t least, std::size_t most) {
  if (node.inputs.size() < least || node.inputs.size() > most) {
    return node_error(node, fmt::format("{} inputs: must be {} to {}", node.inputs.size(), least, most));
  }
  for (std::size_t index = 0; index < least; ++index) {
    if (!node.has_input(index)) return node_error(node, fmt::format("input {} is absent: it is not optional", index));
  }
  return {};
}

Status expect_activation(const Graph& graph, const Node& node, std::size_t index) {
  const Value& value = graph.input(node, index);
  if (value.dtype == DType::f32) return {};
  if ((value.dtype == DType::u8 || value.dtype == DType::s8) && value.is_quantized()) return {};
  return node_error(node, fmt::format("input {} ('{}') has type {}: must be f32, or u8 or s8 codes with a scale", index,
                                      value.name, name_of(value.dtype)));
}

void set_activation(Graph& graph, const Node& node, const Shape& shape, std::size_t index) {
  Value& value = graph.output(node, index);
  value.shape = shape;
  value.shape_known = true;
  if (!value.is_quantized()) value.dtype = DType::f32;
}

void set_unknown_activation(Graph& graph, const Node& node, std::size_t index) {
  Value& value = graph.output(node, index);
  value.shape_known = false;
  if (!value.is_quantized()) value.dtype = DType::f32;
}

Status expect_vector(const Graph& graph, const Node& node, std::size_t index, std::int64_t size, const char* what) {
  const Value& value = graph.input(node, index);
  if (value.dtype != DType::f32 && !(value.dtype == DType::s32 && value.is_quantized())) {
    return node_error(node,
                      fmt::format("{} has type {}: must be f32, or s32 with a scale", what, name_of(value.dtype)));
  }
  if (!value.shape_known) return {};
  if (value.shape.rank() == 1 && may_equal(value.shape[0], size)) return {};
  return node_error(node, fmt::format("{} has shape {}: must be [{}]", what, to_string(value.shape),
                                      size < 0 ? "?" : fmt::to_string(size)));
}

}  // namespace octet::graph
