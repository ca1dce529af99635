// SPDX-License-Identifier: Apache-2.0
// Dequantize -> op -> Quantize becomes the int8 op. What each op asks of its inputs and its output is
// the table of ops below; what is missing becomes the reason of a node that stays in float.
//
//   a (codes) -> Dequantize -.                                    a -.
//   b (codes) -> Dequantize -- Binary add -> Quantize -> y        b -- Binary add -> y
//                                                        becomes
//   a (codes) -> Dequantize -- Dense -> y (float)                 a -- Dense -> y (float)
#include <fmt/format.h>

#include <algorithm>

#include "graph/passes/clamp_of.h"
#include "graph/passes/lower_qdq.h"

namespace octet::graph {
namespace {

enum class Form : std::uint8_t {
  none,     // float only
  layer,    // x, constant weights, bias; the result may stay float
  product,  // two activations; the result may stay float
  plain,    // codes in, codes out
  move      // done on codes already where the input is; see lower_qdq_moves.cpp
};

struct Rule {
  Form form = Form::none;
  std::size_t inputs = 1;  // how many carry activations, up to this one
  std::size_t first = 0;   // and from this one on
};

Rule rule_of(const Node& node) {
  switch (node.op) {
    case Op::Conv2d:
    case Op::ConvTranspose2d:
    case Op::Dense:
      return {Form::layer};
    case Op::MatMul:
      return {Form::product, 2};
    case Op::Binary: {
      const BinaryFn fn = node.as<BinaryAttrs>().fn;
      const bool has_rule = fn == BinaryFn::add || fn == BinaryFn::sub || fn == BinaryFn::mul;
      return {has_rule ? Form::plain : Form::none, 2};
    }
    case Op::Concat:
      return {Form::plain, node.inputs.size()};
    case Op::Where:
      return {Form::plain, 3, 1};
    case Op::Unary:
    case Op::Softmax:
    case Op::ReduceMean:
      return {Form::plain};
    case Op::Pool:
    case Op::Resize:
      return {moves_elements(node) ? Form::move : Form::plain};
    default:
      return {moves_elements(node) ? Form::move : Form::none};
  }
}

class LowerOps {
 public:
  explicit LowerOps(Editor& editor) : editor_(editor), graph_(editor.graph) {}

  void run() {
    const NodeId last = editor_.size();
    for (NodeId id = 0; id < last; ++id) {
      if (!editor_.alive(id) || !is_float(editor_.node(id))) continue;
      std::string reason = lower(id);
      // What a file says of a node goes before what can be seen of it here.
      std::string& given = editor_.node(id).reason;
      if (reason.empty() || given.empty()) given = std::move(reason);
    }
  }

 private:
  bool is_float(const Node& node) const {
    const auto real = [&](ValueId id) { return id != kNone && graph_[id].dtype == DType::f32; };
    if (node.op == Op::Where) return real(node.inputs[1]);
    return node.op != Op::Quantize && node.op != Op::Dequantize && !node.inputs.empty() && real(node.inputs[0]) &&
           std::any_of(node.outputs.begin(), node.outputs.end(), real);
  }

  // The whole story of one node: why it must stay float, or empty once it is an int8 op.
  std::string lower(NodeId id) {
    const Node& node = editor_.node(id);
    const Rule rule = rule_of(node);
    if (rule.form == Form::none) return no_rule(node);
    for (std::size_t index = rule.first; index < rule.inputs; ++index) {
      if (std::string reason = why_not_codes(node.inputs[index]); !reason.empty()) return reason;
    }
    if (rule.form == Form::layer) {
      if (std::string reason = why_not_weights(node); !reason.empty()) return reason;
    }
    if (rule.form == Form::move) return no_rule(node);
    const NodeId quantize = quantize_behind(node.outputs[0]);
    if (quantize == kNone && rule.form == Form::plain) return why_not_quantized(node.outputs[0]);

    for (std::size_t index = rule.first; index < rule.inputs; ++index) read_codes(id, index);
    if (rule.form == Form::layer) read_weights(id);
    if (quantize != kNone) make_codes(id, quantize);
    return {};
  }

  static std::string no_rule(const Node& node) {
    if (node.op == Op::Binary) return "only add, sub and mul have an int8 form";
    if (node.op == Op::Pad) return fmt::format("pads with {}: codes are padded with 0", node.as<PadAttrs>().value);
    return fmt::format("no int8 rule for {}", name_of(node.op));
  }

  std::string why_not_codes(ValueId input) const {
    const ValueId codes = codes_behind(editor_, input);
    const Value& value = graph_[input];
    if (codes == kNone && value.is_constant()) return fmt::format("operand '{}' is a float constant", value.name);
    if (codes == kNone) return fmt::format("input '{}' is not quantized", value.name);
    if (!is_8bit(graph_[codes]))
      return fmt::format("input '{}' is quantized to {}", value.name, name_of(graph_[codes].dtype));
    if (!are_codes(graph_[codes])) return fmt::format("input '{}' is quantized per channel", value.name);
    return {};
  }

  std::string why_not_weights(const Node& node) const {
    const Value& w = graph_.input(node, 1);
    const ValueId codes = codes_behind(editor_, node.inputs[1]);
    if (codes == kNone) return fmt::format("weight '{}' is not quantized", w.name);
    const Value& value = graph_[codes];
    if (!value.is_constant()) return fmt::format("weight '{}' is not constant", w.name);
    if (!is_8bit(value)) return fmt::format("weight '{}' is quantized to {}", w.name, name_of(value.dtype));
    const bool transposed = node.op == Op::ConvTranspose2d;
    if (!value.quant.per_tensor() && value.quant.axis != (transposed ? 1 : 0))
      return fmt::format("weight '{}' is quantized along axis {}, not along its output channels", w.name,
                         value.quant.axis);
    // Output channel (group, i) would use scale i; no exporter means that.
    if (transposed && !value.quant.per_tensor() && node.as<ConvTranspose2dAttrs>().groups != 1)
      return fmt::format("weight '{}' of a grouped ConvTranspose2d is quantized per channel", w.name);
    if (node.has_input(2) && !graph_.input(node, 2).is_constant()) {
      const ValueId bias = codes_behind(editor_, node.inputs[2]);
      if (bias == kNone || !graph_[bias].is_constant())
        return fmt::format("bias '{}' is not constant", graph_.input(node, 2).name);
    }
    return {};
  }

  std::string why_not_quantized(ValueId output) const {
    const std::string& name = graph_[output].name;
    for (NodeId reader : editor_.consumers(output)) {
      if (editor_.node(reader).op != Op::Quantize) continue;
      if (!are_codes(graph_.output(editor_.node(reader))))
        return fmt::format("output '{}' is quantized per channel", name);
      return fmt::format("output '{}' is also used in float", name);
    }
    return fmt::format("output '{}' is not quantized (no QuantizeLinear follows)", name);
  }

  // The only reader of `real`, if it makes codes.
  NodeId quantize_behind(ValueId real) const {
    if (!editor_.single_use(real)) return kNone;
    const NodeId reader = editor_.consumer(real);
    const Node& node = editor_.node(reader);
    return node.op == Op::Quantize && are_codes(graph_.output(node)) ? reader : kNone;
  }

  void read_codes(NodeId id, std::size_t index) {
    const ValueId real = editor_.node(id).inputs[index];
    editor_.set_input(id, index, codes_behind(editor_, real));
    editor_.remove_if_unused(real);
  }

  void read_weights(NodeId id) {
    read_codes(id, 1);
    if (!editor_.node(id).has_input(2)) return;
    const ValueId bias = codes_behind(editor_, editor_.node(id).inputs[2]);
    // A bias in 8 bits, or around a zero point, stays in float: settle_borders() makes it a constant.
    if (bias != kNone && is_integer_bias(graph_[bias])) read_codes(id, 2);
  }

  static bool is_integer_bias(const Value& bias) {
    return bias.dtype == DType::s32 && bias.is_quantized() && bias.quant.axis <= 0 &&
           std::all_of(bias.quant.zero_point.begin(), bias.quant.zero_point.end(), [](int z) { return z == 0; });
  }

  void make_codes(NodeId id, NodeId quantize) {
    const ValueId codes = editor_.node(quantize).outputs[0];
    const Clamp clamp = editor_.node(quantize).as<QuantizeAttrs>().clamp;
    editor_.remove(quantize);
    if (Clamp* own = clamp_of(editor_.node(id))) {
      *own = compose(*own, clamp);
      editor_.set_output(id, 0, codes);
    } else if (!clamp.active()) {
      editor_.set_output(id, 0, codes);
    } else {  // the op has no clamp of its own: a table behind it
      const ValueId unclamped = editor_.add_like(codes, "unclamped");
      editor_.set_output(id, 0, unclamped);
      const std::string name = editor_.node(id).name + "/clip";
      editor_.add({name, Op::Unary, {unclamped}, {codes}, UnaryAttrs{UnaryFn::clip, 0, 0, clamp}, {}});
    }
  }

  Editor& editor_;
  Graph& graph_;
};

}  // namespace

void lower_ops(Editor& editor) { LowerOps(editor).run(); }

}  // namespace octet::graph
