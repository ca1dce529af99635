// SPDX-License-Identifier: Apache-2.0
// Small float graphs, written as they would be drawn.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/op.h"
#include "graph/quantize/qparams.h"
#include "tests/support/catch.h"

namespace octet::test {

class GraphBuilder {
 public:
  graph::Graph graph;

  graph::ValueId input(const std::string& name, const Shape& shape, DType dtype = DType::f32) {
    graph::Value value;
    value.name = name;
    value.dtype = dtype;
    value.shape = shape;
    value.shape_known = true;
    graph.inputs.push_back(graph.add_value(std::move(value)));
    return graph.inputs.back();
  }

  graph::ValueId constant(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    return graph.add_constant<float>(name, DType::f32, shape, values);
  }

  graph::ValueId random(const std::string& name, const Shape& shape, float scale = 1) {
    std::normal_distribution<float> normal(0, scale);
    std::vector<float> values(static_cast<std::size_t>(shape.count()));
    for (float& value : values) value = normal(engine_);
    return constant(name, shape, values);
  }

  // A node with `outputs` new values called after it.
  std::vector<graph::ValueId> node(const std::string& name, graph::Op op, std::vector<graph::ValueId> inputs,
                                   graph::Attrs attrs, std::size_t outputs) {
    graph::Node node{name, op, std::move(inputs), {}, std::move(attrs), {}};
    for (std::size_t i = 0; i < outputs; ++i) {
      graph::Value value;
      value.name = outputs == 1 ? name : name + std::to_string(i);
      node.outputs.push_back(graph.add_value(std::move(value)));
    }
    graph.nodes.push_back(node);
    return node.outputs;
  }
  graph::ValueId node(const std::string& name, graph::Op op, std::vector<graph::ValueId> inputs,
                      graph::Attrs attrs = {}) {
    return node(name, op, std::move(inputs), std::move(attrs), 1)[0];
  }

  // A k x k convolution that keeps the image size; with bias.
  graph::ValueId conv(const std::string& name, graph::ValueId x, std::int64_t in, std::int64_t out, std::int64_t k = 3,
                      std::int64_t groups = 1, graph::Clamp clamp = {}) {
    graph::Conv2dAttrs attrs;
    attrs.window.kernel = {k, k};
    attrs.window.pad_begin = attrs.window.pad_end = {k / 2, k / 2};
    attrs.groups = groups;
    attrs.clamp = clamp;
    return node(name, graph::Op::Conv2d,
                {x, random(name + "_w", {out, in / groups, k, k}, 0.3F), random(name + "_b", {out}, 0.1F)}, attrs);
  }
  graph::ValueId binary(const std::string& name, graph::BinaryFn fn, graph::ValueId a, graph::ValueId b) {
    return node(name, graph::Op::Binary, {a, b}, graph::BinaryAttrs{fn, {}});
  }
  graph::ValueId unary(const std::string& name, graph::UnaryFn fn, graph::ValueId x) {
    graph::UnaryAttrs attrs;
    attrs.fn = fn;
    return node(name, graph::Op::Unary, {x}, attrs);
  }
  graph::ValueId concat(const std::string& name, std::vector<graph::ValueId> inputs, std::int64_t axis = 1) {
    return node(name, graph::Op::Concat, std::move(inputs), graph::ConcatAttrs{axis});
  }
  graph::ValueId max_pool(const std::string& name, graph::ValueId x) {
    graph::PoolAttrs attrs;
    attrs.window.kernel = attrs.window.stride = {2, 2};
    return node(name, graph::Op::Pool, {x}, attrs);
  }

  // Marks the outputs and infers every shape.
  graph::Graph finish(std::vector<graph::ValueId> outputs) {
    graph.name = "test";
    graph.outputs = std::move(outputs);
    const Status status = graph::infer_shapes(graph);
    INFO(status.message());
    REQUIRE(status.ok());
    return graph;
  }

 private:
  std::mt19937 engine_{7};
};

inline constexpr graph::Clamp kRelu{0.0F, graph::Clamp{}.hi};

// A range for every value, different for each.
inline std::vector<graph::Range> ranges_for(const graph::Graph& graph) {
  std::vector<graph::Range> ranges(graph.values.size());
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    ranges[i] = {-1.0F - 0.25F * static_cast<float>(i), 2.0F + 0.5F * static_cast<float>(i)};
  }
  return ranges;
}

inline const graph::Node& node_called(const graph::Graph& graph, std::string_view name) {
  for (const graph::Node& node : graph.nodes) {
    if (node.name == name) return node;
  }
  FAIL("no node '" << name << "'");
  return graph.nodes.front();
}

inline std::size_t count_ops(const graph::Graph& graph, graph::Op op) {
  std::size_t count = 0;
  for (const graph::Node& node : graph.nodes) count += node.op == op ? 1U : 0U;
  return count;
}

}  // namespace octet::test
