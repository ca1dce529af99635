// SPDX-License-Identifier: Apache-2.0
// An int8 Add joins the int8 convolution before it: while the convolution's codes are still in
// registers. The result keeps its bits: the convolution is requantized as before, then added.
//
//   x -> Conv2d(w, b) -> t -.
//   r ----------------------- Binary add -> y    becomes   x, r -> Conv2d(w, b, residual r) -> y
//
// A Reshape between the two, as behind a 1-d convolution, moves behind the sum; r gets one as well.
#include <fmt/format.h>

#include "graph/passes/lower_qdq.h"
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

bool is_codes_conv(const Editor& editor, NodeId id) {
  if (id == kNone || editor.node(id).op != Op::Conv2d) return false;
  const Node& node = editor.node(id);
  return !node.as<Conv2dAttrs>().residual.present && are_codes(editor.graph.input(node, 0)) &&
         are_codes(editor.graph.output(node));
}

bool adds_codes(const Graph& graph, const Node& node) {
  if (node.op != Op::Binary || node.as<BinaryAttrs>().fn != BinaryFn::add) return false;
  const Value &a = graph.input(node, 0), &b = graph.input(node, 1), &y = graph.output(node);
  return are_codes(a) && are_codes(b) && are_codes(y) && a.shape_known && b.shape_known && y.shape_known &&
         a.shape == y.shape && b.shape == y.shape && a.dtype == y.dtype && b.dtype == y.dtype;
}

// The convolution that makes `value`, also behind a Reshape that nobody else reads; kNone if there is none.
NodeId conv_behind(const Editor& editor, ValueId value) {
  NodeId id = editor.producer(value);
  if (!editor.single_use(value) || id == kNone) return kNone;
  if (editor.node(id).op == Op::Reshape) {
    value = editor.node(id).inputs[0];
    id = editor.producer(value);
    if (!editor.single_use(value)) return kNone;
  }
  return is_codes_conv(editor, id) ? id : kNone;
}

// Which operand of the Add the fused convolution makes: the one that is ready last, so that the
// other one is there by then. -1 for none.
int fused_operand(const Editor& editor, const Node& add) {
  int operand = -1;
  NodeId latest = kNone;
  for (int side = 0; side < 2; ++side) {
    const ValueId value = add.inputs[static_cast<std::size_t>(side)];
    const NodeId conv = conv_behind(editor, value);
    if (conv == kNone || conv <= latest) continue;
    latest = conv;
    operand = side;
  }
  return operand;
}

// `value` under another shape: the new value, and the node that makes one of the other.
ValueId reshaped(Editor& editor, ValueId value, const Shape& shape) {
  const ValueId other = editor.add_like(value, "image");
  editor.graph[other].shape = shape;
  return other;
}

void add_reshape(Editor& editor, ValueId from, ValueId to) {
  const Shape shape = editor.graph[to].shape;
  const std::string name = editor.graph[to].name + "/shape";
  const ValueId target = editor.add_value(
      Graph::make_constant(name, DType::s64, {shape.rank()}, std::as_bytes(std::span(shape.begin(), shape.end()))));
  editor.add({name, Op::Reshape, {from, target}, {to}, ReshapeAttrs{}, {}});
}

void fuse(Editor& editor, NodeId add, std::size_t operand) {
  const Node sum = editor.node(add);
  const NodeId id = conv_behind(editor, sum.inputs[operand]);
  const NodeId between = editor.producer(sum.inputs[operand]);
  Node fused = editor.node(id);
  ValueId residual = sum.inputs[1 - operand], result = sum.outputs[0];
  const bool is_reshaped = between != id;
  if (is_reshaped) {
    const Shape image = editor.graph[fused.outputs[0]].shape;
    residual = reshaped(editor, residual, image);
    result = reshaped(editor, result, image);
  }
  auto& attrs = fused.as<Conv2dAttrs>();
  attrs.residual = {true, editor.graph[sum.inputs[operand]].quant, attrs.clamp, operand == 1};
  attrs.clamp = sum.as<BinaryAttrs>().clamp;
  fused.name = fmt::format("{}+{}", fused.name, sum.name);
  fused.inputs.resize(3, kNone);
  fused.inputs.push_back(residual);
  fused.outputs = {result};
  editor.remove(id);
  editor.remove(add);
  if (is_reshaped) {
    editor.remove(between);
    add_reshape(editor, sum.inputs[1 - operand], residual);
  }
  editor.add(std::move(fused));
  if (is_reshaped) add_reshape(editor, result, sum.outputs[0]);
}

}  // namespace

Status fuse_residual(Graph& graph) {
  Editor editor(graph);
  const NodeId last = editor.size();
  for (NodeId id = 0; id < last; ++id) {
    if (!editor.alive(id) || !adds_codes(graph, editor.node(id))) continue;
    const int operand = fused_operand(editor, editor.node(id));
    if (operand >= 0) fuse(editor, id, static_cast<std::size_t>(operand));
  }
  return editor.finish();
}

}  // namespace octet::graph
