// SPDX-License-Identifier: Apache-2.0
// Data movement does the same to codes as to numbers, so borders pass through it: bytes are moved
// instead of floats, and a border comes to stand beside the op that it belongs to.
//
//   x (codes) -> Dequantize -> Reshape -> Conv2d      becomes   x -> Reshape -> Dequantize -> Conv2d
//   Conv2d -> MaxPool -> Quantize -> y                becomes   Conv2d -> Quantize -> MaxPool -> y
#include <algorithm>
#include <optional>

#include "graph/op.h"
#include "graph/passes/clamp_of.h"
#include "graph/passes/lower_qdq.h"

namespace octet::graph {
namespace {

// The parameters of what `node` makes of `value`; nothing if the node would tear their axis apart.
std::optional<Quant> moved_parameters(const Graph& graph, const Node& node, const Value& value) {
  Quant quant = value.quant;
  if (quant.per_tensor()) return quant;
  const auto axis = static_cast<std::size_t>(quant.axis);
  if (node.op == Op::Transpose) {
    const auto& perm = node.as<TransposeAttrs>().perm;
    const auto place = std::find(perm.begin(), perm.end(), quant.axis);
    if (place == perm.end()) return std::nullopt;
    quant.axis = static_cast<int>(place - perm.begin());
    return quant;
  }
  const Shape &from = value.shape, &to = graph.output(node).shape;
  if (node.op != Op::Reshape || !graph.output(node).shape_known || to.rank() <= quant.axis) return std::nullopt;
  if (!std::equal(from.begin(), from.begin() + axis + 1, to.begin()) || !from.is_known()) return std::nullopt;
  return quant;
}

bool all_equal_codes(const Editor& editor, const Node& node) {
  const ValueId first = codes_behind(editor, node.inputs[0]);
  return first != kNone && std::all_of(node.inputs.begin(), node.inputs.end(), [&](ValueId input) {
           const ValueId codes = codes_behind(editor, input);
           return codes != kNone && are_codes(editor.graph[codes]) &&
                  editor.graph[codes].dtype == editor.graph[first].dtype &&
                  editor.graph[codes].quant == editor.graph[first].quant;
         });
}

// Concat moves elements if all its inputs mean the same by a code, and its result is not about to be
// quantized to something else: then the int8 Concat does both at once.
bool moves_as_concat(const Editor& editor, const Node& node) {
  if (node.op != Op::Concat || !all_equal_codes(editor, node)) return false;
  const ValueId output = node.outputs[0];
  return !editor.single_use(output) || editor.node(editor.consumer(output)).op != Op::Quantize;
}

void sink_through(Editor& editor, NodeId id, std::size_t data_inputs) {
  Graph& graph = editor.graph;
  const ValueId first = codes_behind(editor, editor.node(id).inputs[0]);
  if (first == kNone || !(is_8bit(graph[first]) || graph[first].is_constant())) return;
  const auto quant = moved_parameters(graph, editor.node(id), graph[first]);
  if (!quant) return;

  for (std::size_t index = 0; index < data_inputs; ++index) {
    const ValueId real = editor.node(id).inputs[index];
    editor.set_input(id, index, codes_behind(editor, real));
    editor.remove_if_unused(real);
  }
  const DType dtype = graph[first].dtype;
  for (std::size_t index = 0; index < editor.node(id).outputs.size(); ++index) {
    const ValueId real = editor.node(id).outputs[index];
    if (real == kNone) continue;
    const ValueId codes = editor.add_like(real, "codes");
    graph[codes].dtype = dtype;
    graph[codes].quant = *quant;
    editor.set_output(id, index, codes);
    editor.add({graph[real].name + "/dequantize", Op::Dequantize, {codes}, {real}, {}, {}});
  }
  // Weights behind a Reshape must be constants by the time ops look at them.
  Node& node = editor.node(id);
  const auto fold = schema_of(node.op).fold;
  const bool constant = std::all_of(node.inputs.begin(), node.inputs.end(),
                                    [&](ValueId input) { return input == kNone || graph[input].is_constant(); });
  const Value& result = graph.output(node);
  if (constant && result.shape_known && result.shape.is_known() && fold != nullptr && fold(graph, node))
    editor.remove(id);
}

// Where the largest element stands, codes tell as well as numbers: scales are positive.
void read_codes(Editor& editor, NodeId id) {
  const ValueId real = editor.node(id).inputs[0], codes = codes_behind(editor, real);
  if (codes == kNone || !are_codes(editor.graph[codes])) return;
  editor.set_input(id, 0, codes);
  editor.remove_if_unused(real);
}

// What may stand between a Quantize and the op that it should join. Quantize is monotone, so that
// taking a maximum or a clamp first or last makes no difference; 0 quantizes to the zero point that
// codes are padded with.
bool lets_quantize_rise(const Node& node) {
  if (as_clamp(node)) return true;
  return moves_elements(node) && node.op != Op::Gather && node.outputs.size() == 1;
}

// An op that could work on codes, or one that a Quantize could pass in turn.
bool gains_from_quantize(const Editor& editor, NodeId id) {
  if (id == kNone) return false;
  const Node& node = editor.node(id);
  return node.op != Op::Quantize && node.op != Op::Dequantize && node.op != Op::Requantize &&
         editor.graph[node.outputs[0]].dtype == DType::f32;
}

// Moves the Quantize one node up; false if it must stay.
bool raise_once(Editor& editor, NodeId quantize) {
  Graph& graph = editor.graph;
  const ValueId below = editor.node(quantize).inputs[0], codes = editor.node(quantize).outputs[0];
  const NodeId mover = editor.producer(below);
  if (mover == kNone || !editor.single_use(below) || !lets_quantize_rise(editor.node(mover))) return false;
  const ValueId above = editor.node(mover).inputs[0];
  if (!editor.single_use(above) || !gains_from_quantize(editor, editor.producer(above))) return false;

  const ValueId raised = editor.add_like(above, "codes");
  graph[raised].dtype = graph[codes].dtype;
  graph[raised].quant = graph[codes].quant;
  editor.set_input(mover, 0, raised);
  editor.set_output(mover, 0, codes);
  editor.set_input(quantize, 0, above);
  editor.set_output(quantize, 0, raised);
  return true;
}

}  // namespace

bool moves_elements(const Node& node) {
  switch (node.op) {
    case Op::Reshape:
    case Op::Transpose:
    case Op::Slice:
    case Op::Split:
    case Op::Gather:
    case Op::Tile:
      return true;
    case Op::Reduce:
      return node.as<ReduceAttrs>().fn == ReduceFn::max || node.as<ReduceAttrs>().fn == ReduceFn::min;
    case Op::Pad:
      return node.as<PadAttrs>().value == 0;
    case Op::Pool:
      return node.as<PoolAttrs>().kind == PoolKind::max;
    case Op::Resize:
      return node.as<ResizeAttrs>().mode == ResizeAttrs::Mode::nearest;
    default:
      return false;
  }
}

void sink_dequantize(Editor& editor) {
  const NodeId last = editor.size();
  for (NodeId id = 0; id < last; ++id) {
    if (!editor.alive(id)) continue;
    const Node& node = editor.node(id);
    if (node.op == Op::ArgMax) {
      read_codes(editor, id);
    } else if (moves_elements(node)) {
      sink_through(editor, id, 1);
    } else if (moves_as_concat(editor, node)) {
      sink_through(editor, id, node.inputs.size());
    }
  }
}

void raise_quantize(Editor& editor) {
  for (NodeId id = editor.size(); id-- > 0;) {
    if (!editor.is(id, Op::Quantize) || !are_codes(editor.graph.output(editor.node(id)))) continue;
    if (editor.node(id).as<QuantizeAttrs>().clamp.active()) continue;  // a Pad's zeros would be clamped as well
    while (raise_once(editor, id)) {
    }
  }
}

}  // namespace octet::graph
