// SPDX-License-Identifier: Apache-2.0
// DynamicQuantize makes u8 codes, as ONNX defines it. For a backend that works in s8 it makes s8 codes and an s8
// zero point, 128 less each, if nothing but products and what carries codes to them can tell.
//
//   x -> DynamicQuantize -> (u8) -> Transpose -> (u8) -> DynamicConv2d    becomes   the same with (s8)
#include <algorithm>
#include <vector>

#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

class Readers {
 public:
  explicit Readers(Graph& graph) : graph_(graph), uses_(graph) {}

  // Whether all that reads `value` takes either signedness; what is to change type with it goes to `all`.
  bool take_either(ValueId value, std::vector<ValueId>& all) const {
    if (graph_.is_output(value)) return false;
    all.push_back(value);
    const auto& readers = uses_.consumers[static_cast<std::size_t>(value)];
    return std::all_of(readers.begin(), readers.end(), [&](std::int32_t reader) {
      const Node& node = graph_.nodes[static_cast<std::size_t>(reader)];
      if (node.op == Op::Reshape || node.op == Op::Transpose) return take_either(node.outputs[0], all);
      // Both or none: codes and zero point of one DynamicQuantize change together.
      return (node.op == Op::DynamicDense || node.op == Op::DynamicConv2d) && same_maker(node);
    });
  }

 private:
  std::int32_t maker(ValueId value) const {
    std::int32_t id = uses_.producer[static_cast<std::size_t>(value)];
    while (id >= 0) {
      const Node& node = graph_.nodes[static_cast<std::size_t>(id)];
      if (node.op != Op::Reshape && node.op != Op::Transpose) break;
      id = uses_.producer[static_cast<std::size_t>(node.inputs[0])];
    }
    return id;
  }
  bool same_maker(const Node& node) const { return maker(node.inputs[0]) == maker(node.inputs[1]); }

  Graph& graph_;
  const Uses uses_;
};

}  // namespace

void relabel_dynamic_codes(Graph& graph, DType activation) {
  if (activation == DType::u8) return;
  const Readers readers(graph);
  for (const Node& node : graph.nodes) {
    if (node.op != Op::DynamicQuantize) continue;
    std::vector<ValueId> all;
    if (!readers.take_either(node.outputs[0], all) || !readers.take_either(node.outputs[2], all)) continue;
    for (ValueId id : all) graph[id].dtype = activation;
  }
}

}  // namespace octet::graph
