// SPDX-License-Identifier: Apache-2.0
#include "graph/export/onnx_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

namespace octet::graph {
namespace {

void set_tensor(onnx::TensorProto& tensor, const std::string& name, DType type, const Shape& shape,
                std::span<const std::byte> bytes) {
  tensor.set_name(name);
  tensor.set_data_type(onnx_type(type));
  for (std::int64_t dim : shape) tensor.add_dims(dim);
  tensor.set_raw_data(bytes.data(), bytes.size());
}

// `wanted`, or with the first number behind it that makes it new; it is taken then.
std::string unused(std::set<std::string, std::less<>>& taken, std::string_view wanted) {
  std::string name(wanted);
  for (int i = 2; !taken.insert(name).second; ++i) name = fmt::format("{}_{}", wanted, i);
  return name;
}

}  // namespace

int onnx_type(DType type) {
  switch (type) {
    case DType::f32:
      return onnx::TensorProto::FLOAT;
    case DType::u8:
      return onnx::TensorProto::UINT8;
    case DType::s8:
      return onnx::TensorProto::INT8;
    case DType::s32:
      return onnx::TensorProto::INT32;
    case DType::s64:
      return onnx::TensorProto::INT64;
    case DType::boolean:
      return onnx::TensorProto::BOOL;
  }
  return onnx::TensorProto::UNDEFINED;
}

OnnxWriter::OnnxWriter(const Graph& g, onnx::GraphProto& out) : graph(g), out_(out), names_(g.values.size()) {
  // The names that the model's users know come first: nobody may take them away.
  const auto name_all = [&](std::span<const ValueId> ids) {
    for (ValueId id : ids) {
      std::string& name = names_[static_cast<std::size_t>(id)];
      if (name.empty()) name = unique(graph[id].name);
    }
  };
  name_all(graph.inputs);
  name_all(graph.outputs);
  for (std::size_t id = 0; id < names_.size(); ++id) {
    if (names_[id].empty()) names_[id] = unique(graph.values[id].name.empty() ? "value" : graph.values[id].name);
  }
}

std::string OnnxWriter::unique(std::string_view wanted) { return unused(taken_, wanted); }

onnx::NodeProto& OnnxWriter::add(const char* op_type, const std::string& name, const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs) {
  onnx::NodeProto& node = *out_.add_node();
  node.set_op_type(op_type);
  node.set_name(unused(taken_by_nodes_, name));
  for (const std::string& input : inputs) node.add_input(input);
  for (const std::string& output : outputs) node.add_output(output);
  return node;
}

std::string OnnxWriter::stored(ValueId id) {
  if (id == kNone) return {};
  const std::string& name = names_[static_cast<std::size_t>(id)];
  const Value& value = graph[id];
  if (value.is_constant() && written_constants_.insert(id).second) {
    const auto bytes = static_cast<std::size_t>(value.shape.count()) * size_of(value.dtype);
    set_tensor(*out_.add_initializer(), name, value.dtype, value.shape, {value.data.get(), bytes});
  }
  return name;
}

std::string OnnxWriter::stored_input(const Node& node, std::size_t index) {
  return node.has_input(index) ? stored(node.inputs[index]) : std::string{};
}

std::string OnnxWriter::real_input(const Node& node, std::size_t index) {
  if (!node.has_input(index)) return {};
  const Value& value = graph.input(node, index);
  if (!value.is_quantized()) return stored(node.inputs[index]);
  return dequantize(stored(node.inputs[index]), node.inputs[index], value.quant);
}

std::vector<std::string> OnnxWriter::real_inputs(const Node& node) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) names.push_back(real_input(node, i));
  while (!names.empty() && names.back().empty()) names.pop_back();
  return names;
}

std::string OnnxWriter::constant(const Value& value) {
  std::string name = unique(value.name);
  const auto bytes = static_cast<std::size_t>(value.shape.count()) * size_of(value.dtype);
  set_tensor(*out_.add_initializer(), name, value.dtype, value.shape, {value.data.get(), bytes});
  return name;
}

std::string OnnxWriter::float_scalar(std::string_view base, float value) {
  std::string name = unique(base);
  set_tensor(*out_.add_initializer(), name, DType::f32, {}, std::as_bytes(std::span(&value, 1)));
  return name;
}

std::string OnnxWriter::integers(std::string_view base, std::span<const std::int64_t> values) {
  std::string name = unique(base);
  set_tensor(*out_.add_initializer(), name, DType::s64, {static_cast<std::int64_t>(values.size())},
             std::as_bytes(values));
  return name;
}

// `to` or `from` is the stored name of the codes, which also names the scale and the zero point.
void OnnxWriter::add_conversion(const char* op_type, const std::string& from, const std::string& to, DType codes,
                                const Quant& quant) {
  const bool dequantizes = std::string_view(op_type) == "DequantizeLinear";
  auto& [scale, zero_point] = parameters_[dequantizes ? from : to];
  if (scale.empty()) {
    const std::string& base = dequantizes ? from : to;
    Shape shape;
    if (!quant.per_tensor()) shape.push_back(static_cast<std::int64_t>(quant.scale.size()));
    scale = unique(base + "_scale");
    set_tensor(*out_.add_initializer(), scale, DType::f32, shape, std::as_bytes(std::span(quant.scale)));
    if (codes != DType::s32) {  // of an int32 it is 0 and must not be given
      std::vector<std::byte> bytes;
      for (std::int32_t code : quant.zero_point) bytes.push_back(static_cast<std::byte>(code & 0xFF));
      zero_point = unique(base + "_zero_point");
      set_tensor(*out_.add_initializer(), zero_point, codes, shape, bytes);
    }
  }
  std::vector<std::string> inputs{from, scale};
  if (!zero_point.empty()) inputs.push_back(zero_point);
  onnx::NodeProto& node = add(op_type, fmt::format("{}/{}", to, op_type), inputs, {to});
  if (!quant.per_tensor()) set_attribute(node, "axis", std::int64_t{quant.axis});
}

std::string OnnxWriter::dequantize(const std::string& codes, ValueId like, const Quant& quant) {
  std::string floats = unique(codes + "_dequantized");
  add_conversion("DequantizeLinear", codes, floats, graph[like].dtype, quant);
  return floats;
}

void OnnxWriter::add_clamp(const Clamp& clamp, const std::string& from, const std::string& to) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (clamp.lo == 0 && !std::signbit(clamp.lo) && clamp.hi == kInfinity) {
    add("Relu", to + "/Relu", {from}, {to});
    return;
  }
  std::vector<std::string> inputs{from, ""};
  if (clamp.lo != -kInfinity) inputs[1] = float_scalar(to + "_min", clamp.lo);
  if (clamp.hi != kInfinity) inputs.push_back(float_scalar(to + "_max", clamp.hi));
  add("Clip", to + "/Clip", inputs, {to});
}

onnx::NodeProto& OnnxWriter::finish(const Node& node, const char* op_type, const std::vector<std::string>& inputs,
                                    const Clamp& clamp) {
  // Each output passes through up to three nodes; the last one writes the value's own name.
  struct Stage {
    std::string from_op, clamped, stored;
  };
  std::vector<Stage> stages;
  std::vector<std::string> outputs;
  for (ValueId id : node.outputs) {
    Stage stage;
    if (id != kNone) {
      stage.stored = names_[static_cast<std::size_t>(id)];
      stage.clamped = graph[id].is_quantized() ? unique(stage.stored + "_real") : stage.stored;
      stage.from_op = clamp.active() ? unique(stage.stored + "_unclamped") : stage.clamped;
    }
    outputs.push_back(stage.from_op);
    stages.push_back(std::move(stage));
  }
  onnx::NodeProto& op = add(op_type, node.name, inputs, outputs);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const Stage& stage = stages[i];
    if (node.outputs[i] == kNone) continue;
    const Value& value = graph[node.outputs[i]];
    if (clamp.active()) add_clamp(clamp, stage.from_op, stage.clamped);
    if (value.is_quantized()) add_conversion("QuantizeLinear", stage.clamped, stage.stored, value.dtype, value.quant);
  }
  return op;
}

void OnnxWriter::convert(const Node& node, const Clamp& clamp) {
  const Value& input = graph.input(node, 0);
  const Value& output = graph.output(node);
  const std::string& last = names_[static_cast<std::size_t>(node.outputs[0])];
  std::string name = stored(node.inputs[0]);
  if (input.is_quantized()) {
    std::string floats = clamp.active() || output.is_quantized() ? unique(last + "_real") : last;
    add_conversion("DequantizeLinear", name, floats, input.dtype, input.quant);
    name = std::move(floats);
  }
  if (clamp.active()) {
    std::string clamped = output.is_quantized() ? unique(last + "_clamped") : last;
    add_clamp(clamp, name, clamped);
    name = std::move(clamped);
  }
  if (output.is_quantized()) add_conversion("QuantizeLinear", name, last, output.dtype, output.quant);
}

std::string OnnxWriter::step(const Node& node, const char* op_type, const std::vector<std::string>& inputs) {
  std::string name = unique(fmt::format("{}/{}", node.name, op_type));
  last_step_ = &add(op_type, name, inputs, {name});
  return name;
}

void set_attribute(onnx::NodeProto& node, const char* name, std::int64_t value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
}

void set_attribute(onnx::NodeProto& node, const char* name, float value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
}

void set_attribute(onnx::NodeProto& node, const char* name, const char* value) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::STRING);
  attribute.set_s(value);
}

void set_attribute(onnx::NodeProto& node, const char* name, std::span<const std::int64_t> values) {
  onnx::AttributeProto& attribute = *node.add_attribute();
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (std::int64_t value : values) attribute.add_ints(value);
}

}  // namespace octet::graph
