// SPDX-License-Identifier: Apache-2.0
// Concat: inputs one behind the other along an axis; all other sizes agree.
#include <fmt/format.h>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status import_concat(ImportContext& context) {
  if (context.inputs.empty()) return context.error("no inputs: must be at least 1");
  if (Status status = context.expect_inputs(context.inputs.size(), context.inputs.size()); !status) return status;
  if (!context.has("axis")) return context.error("attribute 'axis' is missing");
  if (context.inputs.size() == 1) return context.alias(context.inputs[0]);
  return context.emit(Op::Concat, context.inputs, ConcatAttrs{context.integer("axis", 0)});
}

bool is_code(const Value& value) {
  return value.is_quantized() && (value.dtype == DType::u8 || value.dtype == DType::s8);
}

// One more input: its sizes join what is known of the others'.
Status append(const Node& node, const Value& input, std::int64_t axis, Dims& dims) {
  const auto rank = static_cast<int>(dims.size());
  if (input.shape.rank() != rank)
    return node_error(node, fmt::format("input '{}' has rank {}: must be {} like the first input's", input.name,
                                        input.shape.rank(), rank));
  for (int i = 0; i < rank; ++i) {
    std::int64_t& dim = dims[static_cast<std::size_t>(i)];
    const std::int64_t next = input.shape[i];
    if (i == axis) {
      const bool known = dim >= 0 && next >= 0;
      if (__builtin_add_overflow(dim, next, &dim)) return node_error(node, "the sizes along the axis overflow");
      if (!known) dim = Shape::kUnknown;
    } else if (dim < 0) {
      dim = next;
    } else if (next >= 0 && next != dim) {
      return node_error(node, fmt::format("input '{}' has size {} at axis {}: must be {} like the first input's",
                                          input.name, next, i, dim));
    }
  }
  return {};
}

Status infer(Graph& graph, Node& node) {
  if (node.inputs.empty()) return node_error(node, "no inputs: must be at least 1");
  const Value& first = graph.input(node, 0);
  for (ValueId id : node.inputs) {
    // u8 and s8 codes meet before they are given one signedness.
    if (graph[id].dtype != first.dtype && !(is_code(graph[id]) && is_code(first)))
      return node_error(node, fmt::format("input '{}' is {}: must be {} like the first input", graph[id].name,
                                          name_of(graph[id].dtype), name_of(first.dtype)));
  }
  for (ValueId id : node.inputs)
    if (!graph[id].shape_known) return set_unknown(graph, node, first.dtype);
  auto& axis = node.as<ConcatAttrs>().axis;
  if (Status status = resolve_axis(node, first.shape.rank(), axis); !status) return status;
  Dims dims = to_dims(first.shape);
  for (std::size_t i = 1; i < node.inputs.size(); ++i)
    if (Status status = append(node, graph.input(node, i), axis, dims); !status) return status;
  return set_output(graph, node, 0, first.dtype, dims);
}

bool fold(Graph& graph, Node& node) {
  Value& output = graph.output(node);
  const auto axis = static_cast<int>(node.as<ConcatAttrs>().axis);
  const Quant& quant = graph.input(node, 0).quant;
  for (ValueId id : node.inputs)
    if (!uniform(graph[id]) || graph[id].quant != quant || graph[id].dtype != output.dtype) return false;
  const auto memory = allocate_elements(output);
  Layout target = dense(output.shape);
  for (ValueId id : node.inputs) {
    const Value& input = graph[id];
    copy_elements(input.shape, size_of(input.dtype), input.data.get(), dense(input.shape), memory.get(), target);
    target.offset += input.shape[axis] * target.stride[static_cast<std::size_t>(axis)];
  }
  return become_constant(output, graph.input(node, 0).dtype, memory, quant);
}

constexpr OnnxRule kRules[] = {{"Concat", import_concat}};

}  // namespace

const OpSchema concat_schema{kRules, infer, fold};

}  // namespace octet::graph
