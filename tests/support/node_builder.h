// SPDX-License-Identifier: Apache-2.0
// Builds graphs for tests node by node, through the import rules and without protobuf.
#pragma once

#include <initializer_list>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "graph/import/rules.h"

namespace octet::graph {

inline OnnxAttribute attribute(std::int64_t value) {
  OnnxAttribute result;
  result.kind = OnnxAttribute::Kind::integer;
  result.integer = value;
  return result;
}
inline OnnxAttribute attribute(float value) {
  OnnxAttribute result;
  result.kind = OnnxAttribute::Kind::real;
  result.real = value;
  return result;
}
inline OnnxAttribute attribute(const char* value) {
  OnnxAttribute result;
  result.kind = OnnxAttribute::Kind::text;
  result.text = value;
  return result;
}
inline OnnxAttribute attribute(std::vector<std::int64_t> values) {
  OnnxAttribute result;
  result.kind = OnnxAttribute::Kind::integers;
  result.integers = std::move(values);
  return result;
}
inline OnnxAttribute attribute(std::vector<float> values) {
  OnnxAttribute result;
  result.kind = OnnxAttribute::Kind::reals;
  result.reals = std::move(values);
  return result;
}

struct NodeBuilder {
  using Attributes = std::map<std::string, OnnxAttribute, std::less<>>;

  Graph graph;
  int opset = 13;

  ValueId input(const Shape& shape, DType dtype = DType::f32) {
    const ValueId id = unranked(dtype);
    graph[id].shape = shape;
    graph[id].shape_known = true;
    return id;
  }
  // An input of which not even the rank is known.
  ValueId unranked(DType dtype = DType::f32) {
    Value value;
    value.name = "x" + std::to_string(graph.values.size());
    value.dtype = dtype;
    const ValueId id = graph.add_value(std::move(value));
    graph.inputs.push_back(id);
    return id;
  }
  ValueId integers(const std::vector<std::int64_t>& elements) {
    return constant(DType::s64, {static_cast<std::int64_t>(elements.size())}, elements);
  }
  ValueId scalar(std::int64_t element) { return constant<std::int64_t>(DType::s64, {}, {element}); }
  ValueId floats(const Shape& shape, const std::vector<float>& elements) {
    return constant(DType::f32, shape, elements);
  }
  template <class T>
  ValueId constant(DType dtype, const Shape& shape, const std::vector<T>& elements) {
    return graph.add_constant<T>("c" + std::to_string(graph.values.size()), dtype, shape, std::span<const T>(elements));
  }

  // Imports one ONNX node and infers the nodes that it became.
  Status try_add(const char* op_type, const std::vector<ValueId>& inputs, const Attributes& attributes = {},
                 std::size_t output_count = 1) {
    ImportContext context(graph);
    context.opset = opset;
    context.start("n", op_type, "");
    context.inputs = inputs;
    context.attributes = attributes;
    for (std::size_t i = 0; i < output_count; ++i)
      context.output_names.push_back("y" + std::to_string(graph.values.size() + i));
    const std::size_t first = graph.nodes.size();
    const OnnxRule* rule = find_onnx_rule("", op_type);
    if (rule == nullptr) return Status::error("no rule for " + std::string(op_type));
    if (Status status = rule->import(context); !status) return status;
    if (!context.misread()) return context.misread();
    outputs = context.outputs;
    for (std::size_t i = first; i < graph.nodes.size(); ++i)
      if (Status status = infer_node(graph, graph.nodes[i]); !status) return status;
    return {};
  }
  // The same where it must succeed; output 0.
  ValueId add(const char* op_type, const std::vector<ValueId>& inputs, const Attributes& attributes = {},
              std::size_t output_count = 1) {
    try_add(op_type, inputs, attributes, output_count).value();
    return outputs[0];
  }
  // The sentence of the error, empty if there was none.
  std::string error(const char* op_type, const std::vector<ValueId>& inputs, const Attributes& attributes = {},
                    std::size_t output_count = 1) {
    return try_add(op_type, inputs, attributes, output_count).message();
  }

  const Value& operator[](ValueId id) const { return graph[id]; }
  const Shape& shape(ValueId id) const { return graph[id].shape; }
  template <class T>
  std::vector<T> elements(ValueId id) const {
    const auto span = graph[id].as<T>();
    return {span.begin(), span.end()};
  }
  // Runs the fold rule of the last node, whose inputs are constant.
  bool fold_last() {
    Node& node = graph.nodes.back();
    const auto rule = schema_of(node.op).fold;
    return rule != nullptr && rule(graph, node);
  }

  std::vector<ValueId> outputs;  // of the node added last
};

}  // namespace octet::graph
