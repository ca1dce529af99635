// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/rewrite.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_set>

#include "graph/quantize/codes.h"

namespace octet::graph {
namespace {

class Rewriter {
 public:
  explicit Rewriter(const Rewrite& rewrite)
      : rewrite_(rewrite),
        int8_(rewrite.fp32),
        codes_(rewrite.fp32.values.size(), kNone),
        floats_(rewrite.fp32.values.size(), kNone) {
    for (const Value& value : int8_.values) names_.insert(value.name);
    int8_.nodes.clear();
  }

  Graph run() {
    for (std::size_t n = 0; n < rewrite_.fp32.nodes.size(); ++n) {
      Node node = rewrite_.fp32.nodes[n];
      if (rewrite_.placement.roles[n] == Role::stays_float) {
        append_float(std::move(node), rewrite_.placement.reasons[n]);
      } else {
        append_int8(std::move(node), n);
      }
    }
    return std::move(int8_);
  }

 private:
  std::string unique(std::string_view base, std::string_view suffix) {
    std::string name = fmt::format("{}_{}", base, suffix);
    for (int i = 2; !names_.insert(name).second; ++i) name = fmt::format("{}_{}_{}", base, suffix, i);
    return name;
  }

  const Quant& quant_of(ValueId id) const { return rewrite_.quants[static_cast<std::size_t>(id)]; }

  // A new value with the shape of `like`, as codes or as floats.
  ValueId add_like(ValueId like, std::string_view suffix, DType dtype, const Quant& quant) {
    Value value;
    value.name = unique(int8_[like].name, suffix);
    value.dtype = dtype;
    value.shape = int8_[like].shape;
    value.shape_known = int8_[like].shape_known;
    value.quant = quant;
    return int8_.add_value(std::move(value));
  }

  void append_conversion(Op op, ValueId from, ValueId to) {
    const Attrs attrs = op == Op::Quantize ? Attrs(QuantizeAttrs{}) : Attrs();
    int8_.nodes.push_back({int8_[to].name, op, {from}, {to}, attrs, {}});
  }

  ValueId quantized_constant(ValueId id) {
    const auto values = int8_[id].as<float>();
    const Quant& quant = quant_of(id);
    std::vector<std::byte> codes;
    for (float x : values) {
      const std::int32_t code = quantize_value(x, quant.scale[0], quant.zero_point[0], bounds_of(rewrite_.activation));
      codes.push_back(static_cast<std::byte>(code & 0xFF));
    }
    Value constant =
        Graph::make_constant(unique(int8_[id].name, "quantized"), rewrite_.activation, int8_[id].shape, codes);
    constant.shape_known = true;
    constant.quant = quant;
    return int8_.add_value(std::move(constant));
  }

  // The codes of an original value; a float one is quantized once, in front of its first int8 reader.
  ValueId codes_of(ValueId id) {
    ValueId& codes = codes_[static_cast<std::size_t>(id)];
    if (codes != kNone) return codes;
    if (int8_[id].is_constant()) return codes = quantized_constant(id);
    codes = add_like(id, "quantized", rewrite_.activation, quant_of(id));
    append_conversion(Op::Quantize, id, codes);
    return codes;
  }

  // The float form of an original value that may have become codes.
  ValueId float_of(ValueId id) {
    if (id == kNone || codes_[static_cast<std::size_t>(id)] != id) return id;
    ValueId& value = floats_[static_cast<std::size_t>(id)];
    if (value != kNone) return value;
    value = add_like(id, "dequantized", DType::f32, {});
    append_conversion(Op::Dequantize, id, value);
    return value;
  }

  void append_float(Node node, const std::string& reason) {
    if (node.op != Op::Shape) {  // reads sizes, never elements
      for (ValueId& input : node.inputs) input = float_of(input);
    }
    node.reason = reason;
    int8_.nodes.push_back(std::move(node));
  }

  void append_int8(Node node, std::size_t index) {
    for (std::size_t input : activation_inputs(node)) node.inputs[input] = codes_of(node.inputs[input]);
    const auto found = rewrite_.weights.find(index);
    if (found != rewrite_.weights.end()) use_weights(node, found->second);

    std::vector<ValueId> model_outputs;  // float values that keep their names
    for (ValueId& output : node.outputs) {
      if (output == kNone) continue;
      const ValueId original = output;
      if (int8_.is_output(original)) {
        output = add_like(original, "quantized", rewrite_.activation, quant_of(original));
        model_outputs.push_back(original);
      } else {
        int8_[original].dtype = rewrite_.activation;
        int8_[original].quant = quant_of(original);
      }
      codes_[static_cast<std::size_t>(original)] = output;
    }
    int8_.nodes.push_back(std::move(node));
    for (ValueId original : model_outputs) {
      append_conversion(Op::Dequantize, codes_[static_cast<std::size_t>(original)], original);
    }
  }

  void use_weights(Node& node, const QuantizedWeights& weights) {
    Value weight = weights.weight;
    weight.name = unique(int8_.input(node, 1).name, "quantized");
    weight.shape_known = true;
    node.inputs[1] = int8_.add_value(std::move(weight));
    if (!weights.bias) return;
    Value bias = *weights.bias;
    bias.name = unique(int8_.input(node, 2).name, "quantized");
    bias.shape_known = true;
    node.inputs[2] = int8_.add_value(std::move(bias));
  }

  const Rewrite& rewrite_;
  Graph int8_;
  std::vector<ValueId> codes_;   // (values) of the float graph: its form as codes, kNone until there is one
  std::vector<ValueId> floats_;  // (values) the dequantized form of a value that became codes itself
  std::unordered_set<std::string> names_;
};

}  // namespace

Graph make_int8_graph(const Rewrite& rewrite) { return Rewriter(rewrite).run(); }

}  // namespace octet::graph
