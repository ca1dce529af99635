// SPDX-License-Identifier: Apache-2.0
#include "runtime/ledger.h"

#include <algorithm>

#include "runtime/model_impl.h"

namespace octet::runtime {
namespace {

using graph::Op;

bool is_conversion(Op op) { return op == Op::Quantize || op == Op::Dequantize || op == Op::Requantize; }

// Where a node's data stands: behind the condition of a Where.
std::size_t data_input(const graph::Node& node) { return node.op == Op::Where ? 1 : 0; }

bool is_codes(const graph::Value& value) { return value.dtype == DType::u8 || value.dtype == DType::s8; }

std::string precision_of(bool codes_in, bool codes_out) {
  if (codes_in) return codes_out ? "int8" : "int8->fp32";
  return codes_out ? "fp32->int8" : "fp32";
}

std::string reason_for(const graph::Graph& graph, const graph::Node& node, const std::string& precision,
                       bool model_is_quantized) {
  if (precision == "int8") return {};
  if (!node.reason.empty()) return node.reason;
  if (!model_is_quantized) return "the model is not quantized";
  if (node.op == Op::Quantize) return "border: '" + graph.input(node, 0).name + "' is float";
  if (node.op == Op::Dequantize) return "border: '" + graph.output(node).name + "' is needed as float";
  if (precision == "int8->fp32") return "its result is needed as float";
  return "its input '" + graph.input(node, 0).name + "' is not quantized";
}

}  // namespace

bool computes_on_codes(const graph::Graph& graph) {
  return std::ranges::any_of(graph.nodes, [&](const graph::Node& node) {
    if (node.op == Op::DynamicDense || node.op == Op::DynamicConv2d) return true;
    if (is_conversion(node.op) || !node.has_input(data_input(node))) return false;
    const graph::Value& data = graph.input(node, data_input(node));
    return is_codes(data) && data.is_quantized();
  });
}

OpInfo describe(const graph::Graph& graph, const graph::Node& node, bool model_is_quantized, std::string kernel,
                double macs) {
  OpInfo info;
  info.name = node.name;
  info.op = graph::name_of(node.op);
  const bool codes_in = is_codes(graph.input(node, data_input(node)));
  const bool stays_whole = codes_in && graph.output(node).dtype != DType::f32;  // ArgMax gives an index
  info.precision = precision_of(codes_in, stays_whole || is_codes(graph.output(node)));
  info.reason = reason_for(graph, node, info.precision, model_is_quantized);
  info.kernel = std::move(kernel);
  info.macs = macs;
  const auto add = [&](graph::ValueId id, std::vector<TensorInfo>& tensors, std::vector<Quant>& quants) {
    const graph::Value& value = graph[id];
    tensors.push_back({value.name, value.dtype, value.shape});
    quants.push_back(value.quant);
  };
  for (graph::ValueId id : node.inputs) {
    if (id != graph::kNone) add(id, info.inputs, info.input_quant);
  }
  for (graph::ValueId id : node.outputs) add(id, info.outputs, info.output_quant);
  return info;
}

}  // namespace octet::runtime
