// SPDX-License-Identifier: Apache-2.0
// Local rewrites of a graph: producers and consumers stay known while nodes come and go, and order is
// restored once, at the end. A pass over n nodes costs about n steps however many it rewrites.
#pragma once

#include <octet/status.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

using NodeId = std::int32_t;  // index into Graph::nodes; stable until finish()

class Editor {
 public:
  explicit Editor(Graph& graph);

  Graph& graph;

  // Nodes that were there at the start come first, in topological order; new ones follow.
  NodeId size() const { return static_cast<NodeId>(graph.nodes.size()); }
  Node& node(NodeId id) { return graph.nodes[static_cast<std::size_t>(id)]; }
  const Node& node(NodeId id) const { return graph.nodes[static_cast<std::size_t>(id)]; }
  bool alive(NodeId id) const { return !removed_[static_cast<std::size_t>(id)]; }
  bool is(NodeId id, Op op) const { return alive(id) && node(id).op == op; }

  // The node that makes `value`; kNone for inputs and constants.
  NodeId producer(ValueId value) const { return producer_[static_cast<std::size_t>(value)]; }
  // The same if it is of this op, else kNone.
  NodeId producer(ValueId value, Op op) const;
  // One entry per use, ascending.
  const std::multiset<NodeId>& consumers(ValueId value) const { return consumers_[static_cast<std::size_t>(value)]; }
  bool is_output(ValueId value) const { return is_output_[static_cast<std::size_t>(value)]; }
  // Exactly one node reads it and the caller of the model does not.
  bool single_use(ValueId value) const { return !is_output(value) && consumers(value).size() == 1; }
  // The reader of a single_use() value.
  NodeId consumer(ValueId value) const { return *consumers(value).begin(); }

  ValueId add_value(Value value);
  // A new value with dtype, shape and parameters of `model`, named "<model>/<suffix>".
  ValueId add_like(ValueId model, std::string_view suffix);
  NodeId add(Node node);
  // Forgets the node; what it made has no producer until set_output() gives it one.
  void remove(NodeId id);
  void set_input(NodeId id, std::size_t index, ValueId value);
  // The node makes `value` from now on, in place of its old output.
  void set_output(NodeId id, std::size_t index, ValueId value);
  // Every reader of `from` reads `to`. False, and nothing done, if `from` is a graph output: the
  // caller of the model knows it by name.
  bool replace_uses(ValueId from, ValueId to);
  // `copy` and `original` are equal, so one of them will do: the one whose name the caller knows. The
  // maker of `copy` goes, which makes nothing else. Returns which one stayed; kNone, and nothing done,
  // if both have to.
  ValueId merge(ValueId copy, ValueId original);
  // Removes the maker of `value` if nobody wants any of its outputs.
  void remove_if_unused(ValueId value);

  // Drops removed nodes and sorts the rest: old order kept, a new node right before its first reader.
  Status finish();

 private:
  void connect(NodeId id);
  std::vector<bool> removed_;                     // (nodes)
  std::vector<NodeId> producer_;                  // (values)
  std::vector<std::multiset<NodeId>> consumers_;  // (values)
  std::vector<bool> is_output_;                   // (values)
};

}  // namespace octet::graph
