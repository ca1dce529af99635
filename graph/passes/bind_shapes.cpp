// SPDX-License-Identifier: Apache-2.0
// Every size becomes known: the ones that the caller gives, 1 for what is unknown beyond that, and
// from there all others.
//
//   x (?, 3, ?, ?) -> Conv2d -> y (?, 8, ?, ?)    with x = [2,3,32,32] becomes
//   x (2, 3, 32, 32) -> Conv2d -> y (2, 8, 32, 32)
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "graph/op.h"
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

Status bind_input(Value& input, const Shape& shape) {
  const auto refuse = [&](std::string_view rule) {
    return Status::error(fmt::format("input '{}': shape {} given, {}", input.name, to_string(shape), rule));
  };
  if (!shape.is_known()) return refuse("but every size must be known");
  if (input.shape_known) {
    if (input.shape.rank() != shape.rank()) return refuse(fmt::format("but its rank is {}", input.shape.rank()));
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (input.shape[axis] >= 0 && input.shape[axis] != shape[axis])
        return refuse(fmt::format("but the model says {}", to_string(input.shape)));
    }
  }
  input.shape = shape;
  input.shape_known = true;
  return {};
}

Status bind_inputs(Graph& graph, const std::map<std::string, Shape>& given) {
  for (const auto& [name, shape] : given) {
    const auto named = std::find_if(graph.inputs.begin(), graph.inputs.end(),
                                    [&, &wanted = name](ValueId id) { return graph[id].name == wanted; });
    if (named == graph.inputs.end()) {
      std::vector<std::string> names;
      std::transform(graph.inputs.begin(), graph.inputs.end(), std::back_inserter(names),
                     [&](ValueId id) { return graph[id].name; });
      return Status::error(fmt::format("no input is named '{}': there is '{}'", name, fmt::join(names, "', '")));
    }
    if (Status status = bind_input(graph[*named], shape); !status) return status;
  }
  for (ValueId id : graph.inputs) {
    Value& input = graph[id];
    if (!input.shape_known)
      return Status::error(
          fmt::format("input '{}': the model does not say its rank, so a shape must be given", input.name));
    std::replace(input.shape.begin(), input.shape.end(), Shape::kUnknown, std::int64_t{1});
    if (!has_sane_size(input.shape))
      return Status::error(
          fmt::format("input '{}': shape {} has too many elements", input.name, to_string(input.shape)));
  }
  return {};
}

}  // namespace

Status bind_shapes(Graph& graph, const std::map<std::string, Shape>& input_shapes) {
  if (Status status = bind_inputs(graph, input_shapes); !status) return status;
  for (const Node& node : graph.nodes) {
    for (ValueId id : node.outputs) {
      if (id == kNone) continue;
      graph[id].shape = {};
      graph[id].shape_known = false;
    }
  }
  // Infers each node right before it is folded, so that a Reshape finds its target computed.
  if (Status status = fold_constants(graph); !status) return status;
  for (const Node& node : graph.nodes) {
    for (ValueId id : node.outputs) {
      if (id == kNone || (graph[id].shape_known && graph[id].shape.is_known())) continue;
      return Status::error(
          fmt::format("'{}', made by node '{}', has no fixed shape: sizes that depend on data are not "
                      "supported",
                      graph[id].name, node.name));
    }
  }
  return {};
}

}  // namespace octet::graph
