// SPDX-License-Identifier: Apache-2.0
#include "graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <queue>

namespace octet::graph {

const char* name_of(Op op) noexcept {
  switch (op) {
#define OCTET_OP(Name, stem, runs) \
  case Op::Name:                   \
    return #Name;
#include "graph/ops.def"
#undef OCTET_OP
  }
  return "?";
}

ValueId Graph::add_value(Value value) {
  values.push_back(std::move(value));
  return static_cast<ValueId>(values.size()) - 1;
}

Value Graph::make_constant(std::string name, DType dtype, const Shape& shape, std::span<const std::byte> bytes) {
  // Not make_shared: operator new[] aligns for any element type, an array of bytes inside a control
  // block need not be.
  std::shared_ptr<std::byte[]> data(new std::byte[bytes.size()]);
  std::copy(bytes.begin(), bytes.end(), data.get());
  Value value;
  value.name = std::move(name);
  value.dtype = dtype;
  value.shape = shape;
  value.shape_known = true;
  value.data = std::move(data);
  return value;
}

bool Graph::is_output(ValueId id) const { return std::find(outputs.begin(), outputs.end(), id) != outputs.end(); }

Uses::Uses(const Graph& graph) : producer(graph.values.size(), -1), consumers(graph.values.size()) {
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    const Node& node = graph.nodes[index];
    for (ValueId id : node.inputs) {
      if (id != kNone) consumers[static_cast<std::size_t>(id)].push_back(static_cast<std::int32_t>(index));
    }
    for (ValueId id : node.outputs) producer[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(index);
  }
}

void replace_uses(Graph& graph, ValueId from, ValueId to) {
  if (from == to) return;
  for (Node& node : graph.nodes) std::replace(node.inputs.begin(), node.inputs.end(), from, to);
  if (!graph.is_output(from)) return;
  const bool is_input = std::find(graph.inputs.begin(), graph.inputs.end(), to) != graph.inputs.end();
  if (!is_input && !graph[to].is_constant() && !graph.is_output(to)) std::swap(graph[to].name, graph[from].name);
  std::replace(graph.outputs.begin(), graph.outputs.end(), from, to);
}

namespace {

// Follows unmet inputs backwards from a node that could not be placed until a node comes again: that
// one is on a cycle. Every unplaced node has an unplaced producer, so the walk cannot end otherwise.
std::size_t find_cycle(const Graph& graph, const Uses& uses, const std::vector<char>& placed) {
  auto at = static_cast<std::size_t>(std::find(placed.begin(), placed.end(), 0) - placed.begin());
  std::vector<char> seen(graph.nodes.size(), 0);
  while (!seen[at]) {
    seen[at] = 1;
    for (ValueId id : graph.nodes[at].inputs) {
      const std::int32_t from = id == kNone ? -1 : uses.producer[static_cast<std::size_t>(id)];
      if (from >= 0 && !placed[static_cast<std::size_t>(from)]) {
        at = static_cast<std::size_t>(from);
        break;
      }
    }
  }
  return at;
}

}  // namespace

Result<std::vector<std::int32_t>> topological_order(const Graph& graph) {
  const Uses uses(graph);
  std::vector<char> is_input(graph.values.size(), 0);
  for (ValueId id : graph.inputs) is_input[static_cast<std::size_t>(id)] = 1;

  std::vector<std::int32_t> unmet(graph.nodes.size(), 0);  // uses of values whose maker is not placed yet
  // Of the nodes that could come next the earliest does: a sorted graph stays as it is.
  std::priority_queue<std::int32_t, std::vector<std::int32_t>, std::greater<>> ready;
  for (std::size_t index = 0; index < graph.nodes.size(); ++index) {
    for (ValueId id : graph.nodes[index].inputs) {
      if (id == kNone || graph[id].is_constant() || is_input[static_cast<std::size_t>(id)]) continue;
      if (uses.producer[static_cast<std::size_t>(id)] < 0) {
        return Status::error(fmt::format("node '{}' reads '{}', which no node makes and the model does not hold",
                                         graph.nodes[index].name, graph[id].name));
      }
      ++unmet[index];
    }
    if (unmet[index] == 0) ready.push(static_cast<std::int32_t>(index));
  }

  std::vector<std::int32_t> order;
  std::vector<char> placed(graph.nodes.size(), 0);
  while (!ready.empty()) {
    const std::int32_t next = ready.top();
    ready.pop();
    order.push_back(next);
    placed[static_cast<std::size_t>(next)] = 1;
    for (ValueId id : graph.nodes[static_cast<std::size_t>(next)].outputs) {
      for (std::int32_t consumer : uses.consumers[static_cast<std::size_t>(id)]) {
        if (--unmet[static_cast<std::size_t>(consumer)] == 0) ready.push(consumer);
      }
    }
  }
  if (order.size() < graph.nodes.size()) {
    const Node& node = graph.nodes[find_cycle(graph, uses, placed)];
    return Status::error(fmt::format("node '{}' is part of a cycle: it needs its own result", node.name));
  }
  return order;
}

Status sort_nodes(Graph& graph) {
  auto order = topological_order(graph);
  if (!order) return order.status();
  std::vector<Node> sorted;
  sorted.reserve(graph.nodes.size());
  for (std::int32_t index : *order) sorted.push_back(std::move(graph.nodes[static_cast<std::size_t>(index)]));
  graph.nodes = std::move(sorted);
  return {};
}

}  // namespace octet::graph
