// SPDX-License-Identifier: Apache-2.0
// What dynamic quantizers write behind a sum of products of codes becomes its operands: the scales, the bias, and
// the clamp that the bias's sum has taken already. Each number is rounded as before.
//
//   codes, zx -> DynamicConv2d(w) -> Mul (sx * sw) -> Add b -> y    becomes
//   codes, zx -> DynamicConv2d(w, sx, b) -> y, w having the scales sw
#include <cmath>

#include "graph/passes/editor.h"
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

class FuseDynamic {
 public:
  explicit FuseDynamic(Graph& graph) : editor_(graph) {}

  Status run() {
    const NodeId last = editor_.size();
    for (NodeId id = 0; id < last; ++id) {
      const bool product = editor_.is(id, Op::DynamicDense) || editor_.is(id, Op::DynamicConv2d);
      if (product && !editor_.node(id).has_input(3)) fuse(id);
    }
    return editor_.finish();
  }

 private:
  // The Binary `fn` that alone reads `value`, and its other operand; kNone for none.
  NodeId reader(ValueId value, BinaryFn fn, ValueId& other) const {
    if (!editor_.single_use(value)) return kNone;
    const NodeId id = editor_.consumer(value);
    const Node& node = editor_.node(id);
    if (node.op != Op::Binary || node.as<BinaryAttrs>().fn != fn || node.inputs[0] == node.inputs[1]) return kNone;
    other = node.inputs[node.inputs[0] == value ? 1 : 0];
    return id;
  }

  // A plain f32 constant that broadcasts to one number per output of `node`, or (where allowed) to one for all.
  bool per_output(const Node& node, ValueId id, bool or_one) const {
    const Value& value = editor_.graph[id];
    if (!value.is_constant() || value.dtype != DType::f32 || value.is_quantized()) return false;
    const Value& y = editor_.graph.output(node);
    const int behind = node.op == Op::DynamicConv2d ? 2 : 0;  // axes behind that of the outputs
    const int rank = value.shape.rank();
    if (rank > (y.shape_known ? y.shape.rank() : behind + 1)) return false;
    if (or_one && value.shape.count() == 1) return true;
    return rank > behind && value.shape[rank - 1 - behind] == value.shape.count() &&
           value.shape.count() == editor_.graph.input(node, 2).shape[0];
  }

  // sx and sw if `value` is their product, alone read by the node behind.
  bool scales_of(const Node& node, ValueId value, ValueId& sx, ValueId& sw) const {
    const NodeId id = editor_.producer(value, Op::Binary);
    if (id == kNone || !editor_.single_use(value)) return false;
    const Node& product = editor_.node(id);
    const auto& attrs = product.as<BinaryAttrs>();
    if (attrs.fn != BinaryFn::mul || attrs.clamp.active()) return false;
    for (std::size_t side = 0; side < 2; ++side) {
      sx = product.inputs[side];
      sw = product.inputs[1 - side];
      const Value& scale = editor_.graph[sx];
      if (!per_output(node, sw, true) || scale.is_constant() || scale.dtype != DType::f32) continue;
      return scale.shape_known && scale.shape.is_known() && scale.shape.count() == 1 && scale.shape.rank() <= 1 &&
             are_scales(editor_.graph[sw]);
    }
    return false;
  }

  static bool are_scales(const Value& value) {
    for (float scale : value.as<float>())
      if (!(scale > 0 && std::isfinite(scale))) return false;
    return true;
  }

  // The codes with these scales; zero points stay.
  ValueId scaled_weights(ValueId weights, ValueId sw) {
    Value w = editor_.graph[weights];
    const auto scales = editor_.graph[sw].as<float>();
    const std::vector<std::int32_t> zero_points = w.quant.zero_point;
    const std::size_t entries = std::max(scales.size(), zero_points.size());
    w.quant = {std::vector<float>(entries), std::vector<std::int32_t>(entries), entries > 1 ? 0 : -1};
    for (std::size_t c = 0; c < entries; ++c) {
      w.quant.scale[c] = scales[c % scales.size()];
      w.quant.zero_point[c] = zero_points[c % zero_points.size()];
    }
    return editor_.add_value(std::move(w));
  }

  ValueId bias_vector(ValueId bias) {
    Value b = editor_.graph[bias];
    b.shape = {b.shape.count()};
    return editor_.add_value(std::move(b));
  }

  void fuse(NodeId id) {
    Node fused = editor_.node(id);
    ValueId scale = kNone, sx = kNone, sw = kNone, bias = kNone;
    const NodeId multiplies = reader(fused.outputs[0], BinaryFn::mul, scale);
    if (multiplies == kNone || !scales_of(fused, scale, sx, sw)) return;
    Clamp clamp = editor_.node(multiplies).as<BinaryAttrs>().clamp;
    NodeId last = multiplies, adds = kNone;
    if (!clamp.active()) adds = reader(editor_.node(multiplies).outputs[0], BinaryFn::add, bias);
    if (adds != kNone && per_output(fused, bias, false)) {
      last = adds;
      clamp = editor_.node(adds).as<BinaryAttrs>().clamp;
      bias = bias_vector(bias);
    } else {
      bias = kNone;
    }
    fused.inputs = {fused.inputs[0], fused.inputs[1], scaled_weights(fused.inputs[2], sw), sx};
    if (bias != kNone) fused.inputs.push_back(bias);
    fused.outputs = {editor_.node(last).outputs[0]};
    (fused.op == Op::DynamicDense ? fused.as<DynamicDenseAttrs>().clamp : fused.as<DynamicConv2dAttrs>().clamp) = clamp;
    editor_.remove(id);
    if (last != multiplies) editor_.remove(last);
    editor_.remove(multiplies);
    editor_.remove_if_unused(scale);
    editor_.add(std::move(fused));
  }

  Editor editor_;
};

}  // namespace

Status fuse_dynamic(Graph& graph) { return FuseDynamic(graph).run(); }

}  // namespace octet::graph
