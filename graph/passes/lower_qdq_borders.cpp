// SPDX-License-Identifier: Apache-2.0
// Quantize and Dequantize nodes among themselves.
//
//   x (codes) -> Dequantize -> a           x (codes) -> Dequantize -> a, b
//     \--------> Dequantize -> b  becomes
//
//   x -> Quantize -> Clip (of codes) -> y   becomes   x -> Quantize(clamp) -> y
#include <map>
#include <tuple>

#include "graph/passes/clamp_of.h"
#include "graph/passes/derived_constant.h"
#include "graph/passes/lower_qdq.h"

namespace octet::graph {
namespace {

bool same_codes(const Value& a, const Value& b) { return a.dtype == b.dtype && a.quant == b.quant; }

// The kind of border, what it reads, and the parameters it uses: equal keys make equal values.
using BorderKey = std::tuple<Op, ValueId, DType, std::vector<float>, std::vector<std::int32_t>, int, bool>;

BorderKey key_of(const Graph& graph, const Node& node) {
  const bool quantizes = node.op == Op::Quantize;
  const Quant& quant = (quantizes ? graph.output(node) : graph.input(node, 0)).quant;
  return {node.op,          node.inputs[0], quantizes ? graph.output(node).dtype : DType::f32, quant.scale,
          quant.zero_point, quant.axis,     quantizes && node.as<QuantizeAttrs>().reciprocal};
}

void merge_twins(Editor& editor) {
  std::map<BorderKey, ValueId> made;
  for (NodeId id = 0; id < editor.size(); ++id) {
    if (!editor.is(id, Op::Quantize) && !editor.is(id, Op::Dequantize)) continue;
    const ValueId output = editor.node(id).outputs[0];
    const auto [first, is_new] = made.emplace(key_of(editor.graph, editor.node(id)), output);
    const ValueId stayed = is_new ? kNone : editor.merge(output, first->second);
    if (stayed != kNone) first->second = stayed;
  }
}

// Codes moved between a Quantize and a Dequantize keep their parameters; files state them at the
// borders only.
void spread_parameters(Editor& editor) {
  const auto spread = [&](const Node& node, bool forward) {
    if (!moves_elements(node)) return;
    Value& input = editor.graph.input(node, 0);
    for (ValueId id : node.outputs) {
      if (id == kNone) continue;
      Value &from = forward ? input : editor.graph[id], &to = forward ? editor.graph[id] : input;
      if (are_codes(from) && to.dtype == from.dtype && !to.is_quantized()) to.quant = from.quant;
    }
  };
  for (NodeId id = 0; id < editor.size(); ++id) spread(editor.node(id), true);
  for (NodeId id = editor.size(); id-- > 0;) spread(editor.node(id), false);
}

// Codes in fewer than 8 bits are written as a Clip of codes behind the Quantize; import states its
// bounds as the numbers behind those codes.
void absorb_code_clips(Editor& editor) {
  for (NodeId id = 0; id < editor.size(); ++id) {
    const auto clip = as_clamp(editor.node(id));
    if (!clip || !editor.alive(id)) continue;
    const ValueId input = editor.node(id).inputs[0], output = editor.node(id).outputs[0];
    const NodeId quantize = editor.producer(input, Op::Quantize);
    if (quantize == kNone || !editor.single_use(input) || !are_codes(editor.graph[input]) ||
        !same_codes(editor.graph[input], editor.graph[output]))
      continue;
    Clamp& clamp = editor.node(quantize).as<QuantizeAttrs>().clamp;
    clamp = compose(clamp, *clip);
    editor.remove(id);
    editor.set_output(quantize, 0, output);
  }
}

// `value` becomes the constant; its maker is no longer needed.
void become_constant(Editor& editor, ValueId value, const Value& constant) {
  Value& target = editor.graph[value];
  target.dtype = constant.dtype;
  target.quant = constant.quant;
  target.shape = constant.shape;
  target.shape_known = true;
  target.data = constant.data;
  editor.remove(editor.producer(value));
}

void quantize_constants(Editor& editor) {
  for (NodeId id = 0; id < editor.size(); ++id) {
    if (!editor.is(id, Op::Quantize)) continue;
    const Node& node = editor.node(id);
    const Value& target = editor.graph.output(node);
    const auto& attrs = node.as<QuantizeAttrs>();
    if (attrs.clamp.active() || editor.is_output(node.outputs[0])) continue;
    const auto codes = quantized(editor.graph.input(node, 0), target.dtype, target.quant, attrs.reciprocal);
    if (codes) become_constant(editor, node.outputs[0], *codes);
  }
}

}  // namespace

void tidy_borders(Editor& editor) {
  quantize_constants(editor);
  spread_parameters(editor);
  absorb_code_clips(editor);
  merge_twins(editor);
}

void cancel_borders(Editor& editor) {
  const NodeId last = editor.size();
  for (NodeId id = 0; id < last; ++id) {
    if (!editor.is(id, Op::Quantize) || editor.node(id).as<QuantizeAttrs>().clamp.active()) continue;
    const ValueId real = editor.node(id).inputs[0], to = editor.node(id).outputs[0];
    const ValueId from = codes_behind(editor, real);
    if (from == kNone || !is_8bit(editor.graph[from])) continue;
    if (same_codes(editor.graph[from], editor.graph[to]) && editor.merge(to, from) != kNone) {
      editor.remove_if_unused(real);
      continue;
    }
    if (are_codes(editor.graph[from]) && are_codes(editor.graph[to])) {
      const std::string name = editor.node(id).name;
      editor.remove(id);
      editor.add({name, Op::Requantize, {from}, {to}, {}, {}});
    }
    editor.remove_if_unused(real);
  }
}

void settle_borders(Editor& editor) {
  for (NodeId id = 0; id < editor.size(); ++id) {
    if (!editor.alive(id)) continue;
    const ValueId output = editor.node(id).outputs[0];
    if (editor.node(id).op == Op::Dequantize && !editor.is_output(output)) {
      const auto constant = dequantized(editor.graph.input(editor.node(id), 0));
      if (constant) become_constant(editor, output, *constant);
    } else if (editor.node(id).op == Op::Quantize) {
      const ValueId real = editor.node(id).inputs[0];
      const NodeId before = editor.producer(real);
      if (before == kNone || !editor.single_use(real)) continue;
      const auto clamp = as_clamp(editor.node(before));
      if (!clamp || editor.graph.input(editor.node(before), 0).dtype != DType::f32) continue;
      auto& attrs = editor.node(id).as<QuantizeAttrs>();
      attrs.clamp = compose(*clamp, attrs.clamp);
      editor.set_input(id, 0, editor.node(before).inputs[0]);
      editor.remove(before);
    }
  }
}

}  // namespace octet::graph
