// SPDX-License-Identifier: Apache-2.0
// Split: consecutive parts of an axis, one per output.
#include <fmt/format.h>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// The sizes are an attribute before opset 13 and an input since; without them, equal parts.
Status import_split(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 2); !status) return status;
  const auto outputs = static_cast<std::int64_t>(context.output_names.size());
  if (const std::int64_t parts = context.integer("num_outputs", outputs); parts != outputs)
    return context.error(fmt::format("attribute 'num_outputs' = {}: the node has {} outputs", parts, outputs));
  return context.emit(Op::Split, context.inputs, SplitAttrs{context.integer("axis", 0), context.integers("split")});
}

// Parts of ceil(size / parts), the last one smaller, as opset 18 says; equal where it divides.
Status divide(const Node& node, std::int64_t size, Dims& sizes) {
  const auto parts = static_cast<std::int64_t>(node.outputs.size());
  const std::int64_t each = size / parts + (size % parts != 0 ? 1 : 0);
  const std::int64_t last = size - each * (parts - 1);
  if (last < 0)
    return node_error(node, fmt::format("{} parts of {} exceed the axis of size {}", parts - 1, each, size));
  sizes.assign(node.outputs.size(), each);
  sizes.back() = last;
  return {};
}

Status check_sizes(const Node& node, const Dims& sizes, std::int64_t size) {
  if (sizes.size() != node.outputs.size())
    return node_error(node, fmt::format("{} sizes for {} outputs", sizes.size(), node.outputs.size()));
  for (std::int64_t part : sizes)
    if (part < 0) return node_error(node, fmt::format("part of size {}: must be at least 0", part));
  std::int64_t sum = 0;
  for (std::int64_t part : sizes)
    if (__builtin_add_overflow(sum, part, &sum)) return node_error(node, "the sum of the sizes overflows");
  if (size >= 0 && sum != size)
    return node_error(node, fmt::format("sizes add up to {}: must be {}, the size of the axis", sum, size));
  return {};
}

Status infer(Graph& graph, Node& node) {
  if (node.outputs.empty()) return node_error(node, "no outputs: must be at least 1");
  const Value& x = graph.input(node, 0);
  if (!x.shape_known) return set_unknown(graph, node, x.dtype);
  auto& attrs = node.as<SplitAttrs>();
  if (Status status = resolve_axis(node, x.shape.rank(), attrs.axis); !status) return status;
  Dims dims = to_dims(x.shape);
  auto& at_axis = dims[static_cast<std::size_t>(attrs.axis)];
  if (node.has_input(1)) {
    std::optional<Dims> given;
    if (Status status = read_integers(graph, node, 1, given); !status) return status;
    if (given) {  // resolved for good: the input goes
      attrs.sizes = *given;
      node.inputs.resize(1);
    }
  } else if (attrs.sizes.empty() && at_axis >= 0) {
    if (Status status = divide(node, at_axis, attrs.sizes); !status) return status;
  }
  if (!attrs.sizes.empty())
    if (Status status = check_sizes(node, attrs.sizes, at_axis); !status) return status;
  const DType dtype = x.dtype;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    at_axis = attrs.sizes.empty() ? Shape::kUnknown : attrs.sizes[i];
    if (Status status = set_output(graph, node, i, dtype, dims); !status) return status;
  }
  return {};
}

bool fold(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  const auto& attrs = node.as<SplitAttrs>();
  if (attrs.sizes.empty() || !uniform(x)) return false;
  for (ValueId id : node.outputs)
    if (graph[id].dtype != x.dtype || (graph[id].is_quantized() && graph[id].quant != x.quant)) return false;
  Layout source = dense(x.shape);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    fold_movement(x, source, x.quant, graph.output(node, i));
    source.offset += attrs.sizes[i] * source.stride[static_cast<std::size_t>(attrs.axis)];
  }
  return true;
}

constexpr OnnxRule kRules[] = {{"Split", import_split}};

}  // namespace

const OpSchema split_schema{kRules, infer, fold};

}  // namespace octet::graph
