// SPDX-License-Identifier: Apache-2.0
// Computes now what does not depend on the input.
//
//   x (?,64,7,7) -> Shape -> Gather(1) -> Unsqueeze -> Concat(-1) -> Reshape(x)
//   becomes
//   x (?,64,7,7) -> Reshape(x, constant [64,-1])
//
// A Shape is a constant as soon as its input's shape is known. Before that, with an unknown batch, a
// Gather or Slice of it still is one if it picks only known sizes. What hangs on the unknown size
// stays, and folds when this pass runs again after sizes are bound.
#include <algorithm>

#include "graph/constant.h"
#include "graph/op.h"
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

std::int64_t bytes_of(const Value& value) {
  return value.shape.count() * static_cast<std::int64_t>(size_of(value.dtype));
}

class Folder {
 public:
  explicit Folder(Graph& graph) : graph_(graph), alias_(graph.values.size()), sizes_of_(graph.values.size(), kNone) {
    for (std::size_t i = 0; i < alias_.size(); ++i) alias_[i] = static_cast<ValueId>(i);
    is_output_.resize(graph.values.size(), false);
    for (ValueId id : graph.outputs) is_output_[static_cast<std::size_t>(id)] = true;
    for (const Value& value : graph.values)
      if (value.is_constant()) budget_ += 2 * bytes_of(value);
  }

  Status run() {
    std::vector<Node> kept;
    for (Node& node : graph_.nodes) {
      for (ValueId& id : node.inputs)
        if (id != kNone) id = alias_[static_cast<std::size_t>(id)];
      if (Status status = infer_node(graph_, node); !status) return status;
      if (!rename(node) && !fold(node)) kept.push_back(std::move(node));
    }
    graph_.nodes = std::move(kept);
    return {};
  }

 private:
  // A Cast to the type that its input already has is another name for it. A graph output keeps its
  // own: there the node becomes a view.
  bool rename(Node& node) {
    if (node.op != Op::Cast || graph_.input(node, 0).dtype != node.as<CastAttrs>().to) return false;
    if (is_output_[static_cast<std::size_t>(node.outputs[0])]) {
      node.op = Op::Reshape;
      node.attrs = ReshapeAttrs{ReshapeAttrs::Kind::unsqueeze, {}, false};
      return false;
    }
    alias_[static_cast<std::size_t>(node.outputs[0])] = node.inputs[0];
    return true;
  }

  bool fold(Node& node) {
    const auto evaluate = schema_of(node.op).fold;
    if (evaluate == nullptr || node.inputs.empty()) return false;
    if (node.op == Op::Shape) {
      const Value& x = graph_.input(node, 0);
      if (x.shape_known && x.shape.is_known()) return evaluate(graph_, node);
      if (x.shape_known) sizes_of_[static_cast<std::size_t>(node.outputs[0])] = node.inputs[0];
      return false;
    }
    const auto constant = [&](ValueId id) { return id == kNone || graph_[id].is_constant(); };
    if (!std::all_of(node.inputs.begin() + 1, node.inputs.end(), constant)) return false;
    if (constant(node.inputs[0])) return affordable(node) && evaluate(graph_, node);
    const ValueId sizes = sizes_of_[static_cast<std::size_t>(node.inputs[0])];
    const bool selects = node.op == Op::Gather || node.op == Op::Slice;
    return selects && sizes != kNone && affordable(node) && fold_selection(node, graph_[sizes].shape);
  }

  // Gather and Slice only move elements, and no known size is negative: with the unknown ones written
  // as -1, a result without -1 is the result.
  bool fold_selection(Node& node, const Shape& sizes) {
    Value& vector = graph_.input(node, 0);
    Value& output = graph_.output(node);
    vector.data =
        Graph::make_constant("", DType::s64, {sizes.rank()}, std::as_bytes(std::span(sizes.begin(), sizes.end()))).data;
    const bool done = schema_of(node.op).fold(graph_, node);
    vector.data.reset();
    if (!done) return false;
    const auto picked = output.as<std::int64_t>();
    if (std::find(picked.begin(), picked.end(), Shape::kUnknown) == picked.end()) return true;
    output.data.reset();
    return false;
  }

  // A few bytes of model may describe constants of any size (a Pad, a chain of Transposes), so all
  // results together may take so much more than the model itself, and what is beyond stays a node.
  bool affordable(const Node& node) {
    std::int64_t bytes = 0;
    for (ValueId id : node.outputs) {
      const Value& value = graph_[id];
      if (!value.shape_known || !value.shape.is_known()) return false;
      bytes += bytes_of(value);
    }
    if (bytes > budget_) return false;
    budget_ -= bytes;
    return true;
  }

  Graph& graph_;
  std::vector<bool> is_output_;    // (values)
  std::vector<ValueId> alias_;     // (values) what to read instead
  std::vector<ValueId> sizes_of_;  // (values) whose sizes this value holds; kNone if it is no unfolded Shape
  std::int64_t budget_ = std::int64_t{64} << 20;
};

}  // namespace

Status fold_constants(Graph& graph) { return Folder(graph).run(); }

}  // namespace octet::graph
