// SPDX-License-Identifier: Apache-2.0
#include "tests/graph/pass_graphs.h"

#include <set>

#include "tests/support/catch.h"

namespace octet::graph {

ValueId Builder::input(const std::string& name, const Shape& shape) {
  Value value;
  value.name = name;
  value.shape = shape;
  value.shape_known = true;
  graph.inputs.push_back(graph.add_value(value));
  return graph.inputs.back();
}

ValueId Builder::codes_input(const std::string& name, const Shape& shape, DType dtype, float scale, int zero_point) {
  const ValueId id = input(name, shape);
  graph[id].dtype = dtype;
  graph[id].quant = {{scale}, {zero_point}, -1};
  return id;
}

ValueId Builder::real(const std::string& name, const Shape& shape, std::vector<float> elements) {
  REQUIRE(static_cast<std::int64_t>(elements.size()) == shape.count());
  return graph.add_constant<float>(name, DType::f32, shape, elements);
}

ValueId Builder::random(const std::string& name, const Shape& shape, float lo, float hi) {
  std::uniform_real_distribution<float> uniform(lo, hi);
  std::vector<float> elements(static_cast<std::size_t>(shape.count()));
  for (float& element : elements) element = uniform(engine);
  return real(name, shape, elements);
}

ValueId Builder::integers(const std::string& name, std::vector<std::int64_t> elements) {
  return graph.add_constant<std::int64_t>(name, DType::s64, {static_cast<std::int64_t>(elements.size())}, elements);
}

ValueId Builder::codes(const std::string& name, const Shape& shape, DType dtype, int axis, int zero_point) {
  std::uniform_int_distribution<int> uniform(dtype == DType::u8 ? 0 : -128, dtype == DType::u8 ? 255 : 127);
  std::vector<std::uint8_t> elements(static_cast<std::size_t>(shape.count()));
  for (auto& element : elements) element = static_cast<std::uint8_t>(uniform(engine));
  const ValueId id = graph.add_constant<std::uint8_t>(name, dtype, shape, elements);
  Quant& quant = graph[id].quant;
  quant.axis = axis;
  const auto entries = axis < 0 ? 1 : shape[axis];
  for (std::int64_t i = 0; i < entries; ++i) {
    quant.scale.push_back(0.01F + 0.001F * static_cast<float>(i));
    quant.zero_point.push_back(zero_point);
  }
  return id;
}

ValueId Builder::bias(const std::string& name, std::int64_t size, float scale, int limit) {
  std::uniform_int_distribution<int> uniform(-limit, limit);
  std::vector<std::int32_t> elements(static_cast<std::size_t>(size));
  for (auto& element : elements) element = uniform(engine);
  const ValueId id = graph.add_constant<std::int32_t>(name, DType::s32, {size}, elements);
  graph[id].quant = {{scale}, {0}, -1};
  return id;
}

std::vector<ValueId> Builder::ops(Op op, const std::string& name, std::vector<ValueId> inputs, Attrs attrs,
                                  std::size_t outputs) {
  Node node;
  node.name = name;
  node.op = op;
  node.inputs = std::move(inputs);
  node.attrs = std::move(attrs);
  for (std::size_t i = 0; i < outputs; ++i) {
    Value value;
    value.name = outputs == 1 ? name : name + std::to_string(i);
    node.outputs.push_back(graph.add_value(value));
  }
  const Status status = schema_of(op).infer(graph, node);
  INFO(status.message());
  REQUIRE(status.ok());
  graph.nodes.push_back(node);
  return node.outputs;
}

ValueId Builder::op(Op op, const std::string& name, std::vector<ValueId> inputs, Attrs attrs) {
  return ops(op, name, std::move(inputs), std::move(attrs), 1)[0];
}

ValueId Builder::quantize(ValueId x, float scale, int zero_point, DType dtype) {
  Value value;
  value.name = "codes" + std::to_string(count_++);
  value.dtype = dtype;
  value.quant = {{scale}, {zero_point}, -1};
  value.shape = graph[x].shape;
  value.shape_known = graph[x].shape_known;
  const ValueId codes = graph.add_value(value);
  graph.nodes.push_back({value.name, Op::Quantize, {x}, {codes}, QuantizeAttrs{}, {}});
  return codes;
}

ValueId Builder::dequantize(ValueId codes) { return op(Op::Dequantize, "real" + std::to_string(count_++), {codes}); }

ValueId Builder::conv(const std::string& name, ValueId x, ValueId w, ValueId b, std::int64_t pad, std::int64_t stride,
                      std::int64_t groups) {
  Conv2dAttrs attrs;
  attrs.window.kernel = {graph[w].shape[2], graph[w].shape[3]};
  attrs.window.pad_begin = attrs.window.pad_end = {pad, pad};
  attrs.window.stride = {stride, stride};
  attrs.groups = groups;
  std::vector<ValueId> inputs{x, w};
  if (b != kNone) inputs.push_back(b);
  return op(Op::Conv2d, name, inputs, attrs);
}

PoolAttrs pool_of(PoolKind kind) {
  PoolAttrs attrs;
  attrs.kind = kind;
  attrs.window.kernel = attrs.window.stride = {2, 2};
  return attrs;
}

PoolAttrs global_pool(PoolKind kind) {
  PoolAttrs attrs;
  attrs.kind = kind;
  attrs.global = true;
  return attrs;
}

int count(const Graph& graph, Op op) {
  int number = 0;
  for (const Node& node : graph.nodes) number += node.op == op ? 1 : 0;
  return number;
}

std::string ops_of(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) text += (text.empty() ? "" : " ") + std::string(name_of(node.op));
  return text;
}

const Node& only(const Graph& graph, Op op) {
  INFO(ops_of(graph));
  REQUIRE(count(graph, op) == 1);
  return *std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) { return node.op == op; });
}

const Node& named(const Graph& graph, const std::string& name) {
  INFO(name);
  const auto node = std::find_if(graph.nodes.begin(), graph.nodes.end(), [&](const Node& n) { return n.name == name; });
  REQUIRE(node != graph.nodes.end());
  return *node;
}

void check_consistent(const Graph& graph) {
  std::set<ValueId> made(graph.inputs.begin(), graph.inputs.end());
  for (const Node& node : graph.nodes) {
    INFO(node.name);
    for (ValueId id : node.inputs) {
      if (id == kNone || graph[id].is_constant()) continue;
      INFO(graph[id].name);
      CHECK(made.contains(id));
    }
    for (ValueId id : node.outputs) {
      INFO(graph[id].name);
      CHECK(made.insert(id).second);
      CHECK_FALSE(graph[id].is_constant());
      CHECK(graph[id].shape_known);
      const bool is_8bit = graph[id].dtype == DType::u8 || graph[id].dtype == DType::s8;
      CHECK(is_8bit == graph[id].is_quantized());
    }
  }
  for (ValueId id : graph.outputs) CHECK((made.contains(id) || graph[id].is_constant()));
}

}  // namespace octet::graph
