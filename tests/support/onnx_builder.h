// SPDX-License-Identifier: Apache-2.0
// ONNX models built in a test:
//
//   OnnxBuilder model(13);
//   model.input("x", {1, 3, 8, 8}).initializer("w", {4, 3, 3, 3}, std::vector<float>(108, 0.5F)).output("y");
//   model.node("Conv", {"x", "w"}, {"y"}).set("pads", {1, 1, 1, 1}).set("group", 1);
//   const std::string bytes = model.bytes();
#pragma once

#include <onnx/onnx_pb.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace octet::tests {

using Dims = std::vector<std::int64_t>;

template <class T>
constexpr onnx::TensorProto::DataType onnx_type() {
  if constexpr (std::is_same_v<T, float>) return onnx::TensorProto::FLOAT;
  if constexpr (std::is_same_v<T, double>) return onnx::TensorProto::DOUBLE;
  if constexpr (std::is_same_v<T, std::int8_t>) return onnx::TensorProto::INT8;
  if constexpr (std::is_same_v<T, std::uint8_t>) return onnx::TensorProto::UINT8;
  if constexpr (std::is_same_v<T, std::int16_t>) return onnx::TensorProto::INT16;
  if constexpr (std::is_same_v<T, std::uint16_t>) return onnx::TensorProto::UINT16;
  if constexpr (std::is_same_v<T, std::int32_t>) return onnx::TensorProto::INT32;
  if constexpr (std::is_same_v<T, std::int64_t>) return onnx::TensorProto::INT64;
  if constexpr (std::is_same_v<T, bool>) return onnx::TensorProto::BOOL;
}

// A tensor with its elements as raw bytes.
template <class T>
onnx::TensorProto onnx_tensor(const std::string& name, const Dims& dims, const std::vector<T>& elements) {
  onnx::TensorProto tensor;
  tensor.set_name(name);
  tensor.set_data_type(onnx_type<T>());
  for (std::int64_t dim : dims) tensor.add_dims(dim);
  std::string& raw = *tensor.mutable_raw_data();
  if constexpr (std::is_same_v<T, bool>) {
    for (bool element : elements) raw.push_back(element ? 1 : 0);
  } else {
    raw.assign(reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(T));
  }
  return tensor;
}

// Sets attributes of a node; refers to it, so use it before the next node is added.
class OnnxNodeBuilder {
 public:
  explicit OnnxNodeBuilder(onnx::NodeProto& node) : node_(node) {}

  OnnxNodeBuilder& name(const std::string& text) {
    node_.set_name(text);
    return *this;
  }
  OnnxNodeBuilder& domain(const std::string& text) {
    node_.set_domain(text);
    return *this;
  }
  OnnxNodeBuilder& set(const std::string& attribute, int value) {
    add(attribute, onnx::AttributeProto::INT).set_i(value);
    return *this;
  }
  OnnxNodeBuilder& set(const std::string& attribute, std::int64_t value) {
    add(attribute, onnx::AttributeProto::INT).set_i(value);
    return *this;
  }
  OnnxNodeBuilder& set(const std::string& attribute, float value) {
    add(attribute, onnx::AttributeProto::FLOAT).set_f(value);
    return *this;
  }
  OnnxNodeBuilder& set(const std::string& attribute, const char* value) {
    add(attribute, onnx::AttributeProto::STRING).set_s(value);
    return *this;
  }
  OnnxNodeBuilder& set(const std::string& attribute, const Dims& values) {
    auto& proto = add(attribute, onnx::AttributeProto::INTS);
    for (std::int64_t value : values) proto.add_ints(value);
    return *this;
  }
  // So that {2} is a list too.
  OnnxNodeBuilder& set(const std::string& attribute, std::initializer_list<std::int64_t> values) {
    return set(attribute, Dims(values));
  }
  OnnxNodeBuilder& set_reals(const std::string& attribute, const std::vector<float>& values) {
    auto& proto = add(attribute, onnx::AttributeProto::FLOATS);
    for (float value : values) proto.add_floats(value);
    return *this;
  }
  OnnxNodeBuilder& set_tensor(const std::string& attribute, onnx::TensorProto value) {
    *add(attribute, onnx::AttributeProto::TENSOR).mutable_t() = std::move(value);
    return *this;
  }
  onnx::NodeProto& proto() { return node_; }

 private:
  onnx::AttributeProto& add(const std::string& attribute, onnx::AttributeProto::AttributeType type) {
    auto& proto = *node_.add_attribute();
    proto.set_name(attribute);
    proto.set_type(type);
    return proto;
  }
  onnx::NodeProto& node_;
};

class OnnxBuilder {
 public:
  explicit OnnxBuilder(int opset = 13, int ir_version = 8) {
    proto.set_ir_version(ir_version);
    auto& import = *proto.add_opset_import();
    import.set_domain("");
    import.set_version(opset);
    graph().set_name("test");
  }

  onnx::ModelProto proto;  // for whatever the methods do not cover
  onnx::GraphProto& graph() { return *proto.mutable_graph(); }

  // Sizes of -1 are symbolic.
  template <class T = float>
  OnnxBuilder& input(const std::string& name, const Dims& dims) {
    return describe(*graph().add_input(), name, onnx_type<T>(), dims);
  }
  // The declared shape of an output is not read.
  OnnxBuilder& output(const std::string& name) {
    graph().add_output()->set_name(name);
    return *this;
  }
  template <class T>
  OnnxBuilder& initializer(const std::string& name, const Dims& dims, const std::vector<T>& elements) {
    *graph().add_initializer() = onnx_tensor(name, dims, elements);
    return *this;
  }
  OnnxNodeBuilder node(const std::string& op_type, const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs) {
    auto& added = *graph().add_node();
    added.set_op_type(op_type);
    for (const std::string& input : inputs) added.add_input(input);
    for (const std::string& output : outputs) added.add_output(output);
    return OnnxNodeBuilder(added);
  }

  // QuantizeLinear then DequantizeLinear with one scale: `to` is `from` rounded to codes of type T.
  template <class T>
  OnnxBuilder& fake_quant(const std::string& from, const std::string& to, float scale, T zero_point) {
    initializer<float>(to + "_scale", {}, {scale}).template initializer<T>(to + "_zero", {}, {zero_point});
    node("QuantizeLinear", {from, to + "_scale", to + "_zero"}, {to + "_codes"});
    node("DequantizeLinear", {to + "_codes", to + "_scale", to + "_zero"}, {to});
    return *this;
  }
  // Codes with a DequantizeLinear behind them: `name` is the f32 value.
  template <class T>
  OnnxBuilder& dequantized(const std::string& name, const Dims& dims, const std::vector<T>& codes,
                           const std::vector<float>& scale, int axis = 0) {
    const Dims entries = scale.size() == 1 ? Dims{} : Dims{static_cast<std::int64_t>(scale.size())};
    initializer(name + "_codes", dims, codes).initializer(name + "_scale", entries, scale);
    initializer(name + "_zero", entries, std::vector<T>(scale.size(), 0));
    node("DequantizeLinear", {name + "_codes", name + "_scale", name + "_zero"}, {name}).set("axis", axis);
    return *this;
  }

  std::string bytes() const { return proto.SerializeAsString(); }

 private:
  OnnxBuilder& describe(onnx::ValueInfoProto& info, const std::string& name, int type, const Dims& dims) {
    info.set_name(name);
    auto& tensor = *info.mutable_type()->mutable_tensor_type();
    tensor.set_elem_type(type);
    tensor.mutable_shape();
    for (std::size_t axis = 0; axis < dims.size(); ++axis) {
      auto& dim = *tensor.mutable_shape()->add_dim();
      if (dims[axis] < 0) {
        dim.set_dim_param(std::to_string(axis).insert(0, "size"));
      } else {
        dim.set_dim_value(dims[axis]);
      }
    }
    return *this;
  }
};

inline std::span<const std::byte> as_bytes(const std::string& text) { return std::as_bytes(std::span(text)); }

}  // namespace octet::tests
