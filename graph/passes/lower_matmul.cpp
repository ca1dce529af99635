// SPDX-License-Identifier: Apache-2.0
// A product with a constant matrix is a Dense, whose weights lie (n, k); a constant added per output
// channel is a bias. The matrix may be plain, or dequantized from constant codes.
//
//   w (k, n) ----------.                         w (n, k) -.
//   x (.., k) -> MatMul -> Binary add -> y       x ------- Dense -> y
//   b (n) -------------------'         becomes   b (n) ----'
//
//   x -> Conv2d(w) -> Binary add b (1, n, 1, 1) -> y   becomes   x -> Conv2d(w, b (n)) -> y
#include <array>
#include <map>

#include "graph/passes/derived_constant.h"
#include "graph/passes/editor.h"
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

constexpr std::array<std::int64_t, 2> kSwap{1, 0};

// A constant, or the constant whose codes a Dequantize turns into `value`; kNone otherwise.
ValueId constant_behind(const Editor& editor, ValueId value) {
  if (editor.graph[value].is_constant()) return value;
  const NodeId dequantize = editor.producer(value, Op::Dequantize);
  if (dequantize == kNone) return kNone;
  const ValueId codes = editor.node(dequantize).inputs[0];
  return editor.graph[codes].is_constant() ? codes : kNone;
}

bool is_real_matrix(const Value& value) {
  return value.dtype == DType::f32 && !value.is_quantized() && value.shape_known && value.shape.rank() == 2;
}

// The value that stands for `value` after change(constant) was done to the constant behind it.
template <class Change>
ValueId rebuilt(Editor& editor, ValueId value, Change change) {
  const ValueId constant = constant_behind(editor, value);
  const ValueId changed = editor.add_value(change(editor.graph[constant]));
  if (constant == value) return changed;
  Node dequantize = editor.node(editor.producer(value));
  const ValueId real = editor.add_like(value, "changed");
  editor.graph[real].shape = editor.graph[changed].shape;
  dequantize.inputs = {changed};
  dequantize.outputs = {real};
  editor.add(std::move(dequantize));
  return real;
}

class LowerMatmul {
 public:
  explicit LowerMatmul(Graph& graph) : editor_(graph) {}

  Status run() {
    const NodeId last = editor_.size();
    for (NodeId id = 0; id < last; ++id) {
      if (editor_.is(id, Op::MatMul)) make_dense(id);
      if (editor_.is(id, Op::Binary)) make_bias(id);
    }
    return editor_.finish();
  }

 private:
  // (n, k) weights of a MatMul's right operand (k, n); kNone if it is not a constant matrix.
  ValueId dense_weights(ValueId matrix) {
    Graph& graph = editor_.graph;
    if (!is_real_matrix(graph[matrix])) return kNone;
    // Exporters write Linear as Transpose(w) -> MatMul, with w in the order that is wanted here.
    if (const NodeId transpose = editor_.producer(matrix, Op::Transpose); transpose != kNone) {
      const ValueId w = editor_.node(transpose).inputs[0];
      const bool swaps = editor_.node(transpose).as<TransposeAttrs>().perm == std::vector<std::int64_t>{1, 0};
      return swaps && is_real_matrix(graph[w]) && constant_behind(editor_, w) != kNone ? w : kNone;
    }
    if (constant_behind(editor_, matrix) == kNone) return kNone;
    const auto known = transposed_.find(matrix);
    if (known != transposed_.end()) return known->second;
    const ValueId w = rebuilt(editor_, matrix, [](const Value& constant) { return permuted(constant, kSwap); });
    transposed_.emplace(matrix, w);
    return w;
  }

  void make_dense(NodeId id) {
    const Value& x = editor_.graph.input(editor_.node(id), 0);
    if (x.dtype != DType::f32 || (x.shape_known && x.shape.rank() == 0)) return;
    const ValueId matrix = editor_.node(id).inputs[1];
    const ValueId w = dense_weights(matrix);
    if (w == kNone) return;
    editor_.set_input(id, 1, w);
    Node& node = editor_.node(id);
    node.op = Op::Dense;
    node.attrs = DenseAttrs{node.as<MatMulAttrs>().clamp};
    editor_.remove_if_unused(matrix);
  }

  // The output channels of a node that can take a bias but has none yet; -1 for any other.
  std::int64_t free_channels(const Node& node) const {
    if (node.has_input(2) || (node.op != Op::Dense && node.op != Op::Conv2d && node.op != Op::ConvTranspose2d))
      return -1;
    const Value& w = editor_.graph.input(node, 1);
    if (!w.shape_known || !w.shape.is_known() || w.shape.rank() < 2) return -1;
    switch (node.op) {
      case Op::Dense:
        return node.as<DenseAttrs>().clamp.active() ? -1 : w.shape[0];
      case Op::Conv2d:
        return node.as<Conv2dAttrs>().clamp.active() ? -1 : w.shape[0];
      default: {
        const auto& attrs = node.as<ConvTranspose2dAttrs>();
        return attrs.clamp.active() ? -1 : w.shape[1] * attrs.groups;
      }
    }
  }

  // One element per output channel, which lies `from_end` axes before the end, and no axis that
  // would stretch the sum.
  bool is_per_channel(const Shape& shape, std::int64_t channels, int from_end, int output_rank) const {
    const int axis = shape.rank() - 1 - from_end;
    return shape.rank() <= output_rank && shape.is_known() && shape.count() == channels &&
           (channels == 1 || (axis >= 0 && shape[axis] == channels));
  }

  void make_bias(NodeId add) {
    const Node& sum = editor_.node(add);
    if (sum.as<BinaryAttrs>().fn != BinaryFn::add) return;
    for (std::size_t side = 0; side < 2; ++side) {
      if (take_bias(add, sum.inputs[side], sum.inputs[1 - side])) return;
    }
  }

  bool take_bias(NodeId add, ValueId product, ValueId bias) {
    Graph& graph = editor_.graph;
    const NodeId id = editor_.producer(product);
    const ValueId constant = constant_behind(editor_, bias);
    if (id == kNone || !editor_.single_use(product) || constant == kNone || graph[bias].dtype != DType::f32)
      return false;
    const std::int64_t channels = free_channels(editor_.node(id));
    if (channels < 0) return false;
    const bool dense = editor_.node(id).op == Op::Dense;
    const int output_rank = !dense ? 4 : graph[product].shape_known ? graph[product].shape.rank() : 1;
    if (!is_per_channel(graph[constant].shape, channels, dense ? 0 : 2, output_rank)) return false;

    if (graph[constant].shape != Shape{channels}) {
      bias = rebuilt(editor_, bias, [&](const Value& b) {
        Value vector = reshaped(b, Shape{channels});
        vector.quant.axis = b.quant.scale.size() > 1 ? 0 : -1;  // all other axes hold one index
        return vector;
      });
    }
    const Clamp clamp = editor_.node(add).as<BinaryAttrs>().clamp;
    const ValueId result = editor_.node(add).outputs[0];
    editor_.remove(add);
    editor_.set_input(id, 2, bias);
    editor_.set_output(id, 0, result);
    Node& node = editor_.node(id);
    if (auto* attrs = std::get_if<DenseAttrs>(&node.attrs)) attrs->clamp = clamp;
    if (auto* attrs = std::get_if<Conv2dAttrs>(&node.attrs)) attrs->clamp = clamp;
    if (auto* attrs = std::get_if<ConvTranspose2dAttrs>(&node.attrs)) attrs->clamp = clamp;
    return true;
  }

  Editor editor_;
  std::map<ValueId, ValueId> transposed_;  // a matrix shared by several products is transposed once
};

}  // namespace

Status lower_matmul(Graph& graph) { return LowerMatmul(graph).run(); }

}  // namespace octet::graph
