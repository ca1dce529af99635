// SPDX-License-Identifier: Apache-2.0
// u8 code q with zero point z and s8 code q - 128 with zero point z - 128 mean the same number. Every
// activation takes the signedness that the backend works in, and weights of layers become s8; only
// what the caller sees keeps its declared type. Exact: nothing is rounded.
//
//   x (u8) -> Conv2d(w u8) -> y (u8)    for a backend that works in s8 becomes
//   x (u8) -> Requantize -> (s8) -> Conv2d(w s8) -> (s8) -> Requantize -> y (u8)
#include <algorithm>
#include <map>
#include <set>

#include "graph/constant.h"
#include "graph/passes/lower_qdq.h"
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

constexpr std::int32_t kShift = 128;

void shift(Quant& quant, DType to) {
  for (std::int32_t& zero_point : quant.zero_point) zero_point += to == DType::u8 ? kShift : -kShift;
}

// `value` as codes of the other signedness.
void relabel(Value& value, DType to) {
  if (!is_8bit(value) || value.dtype == to) return;
  if (value.is_constant()) {
    const auto memory = allocate_elements(value);
    for (std::int64_t i = 0; i < value.shape.count(); ++i)
      memory[i] = value.data[i] ^ std::byte{0x80};  // adding or subtracting 128, modulo 256
    value.data = memory;
  }
  value.dtype = to;
  value.relabelled += to == DType::u8 ? kShift : -kShift;
  shift(value.quant, to);
}

bool has_weights(const Node& node) {
  return node.op == Op::Conv2d || node.op == Op::ConvTranspose2d || node.op == Op::Dense;
}

class RelabelCodes {
 public:
  RelabelCodes(Graph& graph, DType activation) : editor_(graph), graph_(graph), activation_(activation) {}

  Status run() {
    separate_weights();
    keep_declared_types();
    for (ValueId id = 0; id < static_cast<ValueId>(graph_.values.size()); ++id) {
      const bool unread = graph_[id].is_constant() && editor_.consumers(id).empty();
      if (!unread && !keeps_type_.contains(id)) relabel(graph_[id], activation_);
    }
    for (NodeId id = 0; id < editor_.size(); ++id) {
      if (editor_.is(id, Op::Requantize)) drop_if_idle(id);
    }
    return editor_.finish();
  }

 private:
  // Weights are s8 whatever the activations are. A constant that is a weight here and an operand there
  // becomes two.
  void separate_weights() {
    std::map<ValueId, ValueId> twins;
    for (NodeId id = 0; id < editor_.size(); ++id) {
      if (!has_weights(editor_.node(id))) continue;
      const ValueId w = editor_.node(id).inputs[1];
      if (!graph_[w].is_constant() || !is_8bit(graph_[w])) continue;
      const auto [twin, is_new] = twins.emplace(w, kNone);
      if (is_new) {
        twin->second = editor_.add_value(graph_[w]);  // shares the elements until relabelled
        relabel(graph_[twin->second], DType::s8);
        keeps_type_.insert(twin->second);
      }
      editor_.set_input(id, 1, twin->second);
    }
  }

  // Model inputs and outputs of the other signedness keep it: a Requantize stands behind or before them.
  void keep_declared_types() {
    for (ValueId id : graph_.inputs) {
      if (!is_foreign(id) || !keeps_type_.insert(id).second || editor_.consumers(id).empty()) continue;
      const ValueId inside = editor_.add_like(id, "relabelled");
      redirect_readers(id, inside);
      add_requantize(id, inside);
    }
    for (ValueId id : graph_.outputs) {
      if (!is_foreign(id) || !keeps_type_.insert(id).second) continue;
      const NodeId maker = editor_.producer(id);
      if (maker == kNone) continue;  // a constant passed through
      const ValueId inside = editor_.add_like(id, "relabelled");
      const auto& made = editor_.node(maker).outputs;
      editor_.set_output(maker, static_cast<std::size_t>(std::find(made.begin(), made.end(), id) - made.begin()),
                         inside);
      redirect_readers(id, inside);
      add_requantize(inside, id);
    }
  }

  bool is_foreign(ValueId id) const { return is_8bit(graph_[id]) && graph_[id].dtype != activation_; }

  void add_requantize(ValueId from, ValueId to) {
    editor_.add({graph_[from].name + "/relabel", Op::Requantize, {from}, {to}, {}, {}});
  }

  void redirect_readers(ValueId from, ValueId to) {
    const std::vector<NodeId> readers(editor_.consumers(from).begin(), editor_.consumers(from).end());
    for (NodeId reader : readers) {
      for (std::size_t i = 0; i < editor_.node(reader).inputs.size(); ++i) {
        if (editor_.node(reader).inputs[i] == from) editor_.set_input(reader, i, to);
      }
    }
  }

  // What only changed the signedness is nothing once both sides have the same.
  void drop_if_idle(NodeId id) {
    const ValueId from = editor_.node(id).inputs[0], to = editor_.node(id).outputs[0];
    if (graph_[from].dtype != graph_[to].dtype || !(graph_[from].quant == graph_[to].quant)) return;
    editor_.merge(to, from);
  }

  Editor editor_;
  Graph& graph_;
  const DType activation_;
  std::set<ValueId> keeps_type_;  // weights, and what the caller sees
};

}  // namespace

Status relabel_codes(Graph& graph, DType activation) { return RelabelCodes(graph, activation).run(); }

}  // namespace octet::graph
