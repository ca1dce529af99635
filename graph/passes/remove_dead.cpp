// SPDX-License-Identifier: Apache-2.0
// Nodes whose results reach no output go, and with them every value that nobody names any more.
//
//   x -> Conv2d -> y (output)                    x -> Conv2d -> y (output)
//          \-> Relu -> z             becomes
#include <algorithm>

#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

constexpr ValueId kDropped = -2;

void keep_wanted_nodes(Graph& graph) {
  std::vector<bool> wanted(graph.values.size(), false);
  for (ValueId id : graph.outputs) wanted[static_cast<std::size_t>(id)] = true;
  std::vector<Node> kept;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    const bool useful = std::any_of(node->outputs.begin(), node->outputs.end(),
                                    [&](ValueId id) { return id != kNone && wanted[static_cast<std::size_t>(id)]; });
    if (!useful) continue;
    for (ValueId id : node->inputs) {
      if (id != kNone) wanted[static_cast<std::size_t>(id)] = true;
    }
    kept.push_back(std::move(*node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
}

// Calls visit(id) for every place of the graph that names a value.
template <class Visit>
void for_each_name(Graph& graph, Visit visit) {
  const auto visit_all = [&](std::vector<ValueId>& ids) {
    for (ValueId& id : ids) {
      if (id != kNone) visit(id);
    }
  };
  visit_all(graph.inputs);  // also unused ones: callers pass them
  visit_all(graph.outputs);
  for (Node& node : graph.nodes) {
    visit_all(node.inputs);
    visit_all(node.outputs);  // a Split keeps outputs that nobody reads: they have their place
  }
}

}  // namespace

Status remove_dead(Graph& graph) {
  keep_wanted_nodes(graph);
  std::vector<ValueId> renumbered(graph.values.size(), kDropped);
  for_each_name(graph, [&](ValueId id) { renumbered[static_cast<std::size_t>(id)] = id; });
  std::vector<Value> kept;
  for (ValueId& id : renumbered) {
    if (id == kDropped) continue;
    kept.push_back(std::move(graph[id]));
    id = static_cast<ValueId>(kept.size()) - 1;
  }
  graph.values = std::move(kept);
  for_each_name(graph, [&](ValueId& id) { id = renumbered[static_cast<std::size_t>(id)]; });
  return {};
}

}  // namespace octet::graph
