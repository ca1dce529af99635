// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/channel_scales.h"

#include <algorithm>
#include <cmath>

#include "graph/passes/derived_constant.h"

namespace octet::graph {
namespace {

bool is_float_constant(const Value& value) {
  return value.is_constant() && value.dtype == DType::f32 && !value.is_quantized();
}

template <class ChannelOf>
std::vector<float> reach(std::span<const float> weights, std::int64_t channels, ChannelOf channel_of) {
  std::vector<float> largest(static_cast<std::size_t>(channels));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    float& entry = largest[channel_of(i)];
    entry = std::max(entry, std::abs(weights[i]));
  }
  return largest;
}

template <class Factor>
void replace(Graph& graph, Node& node, std::size_t index, Factor factor) {
  const Value old = graph.input(node, index);
  const auto elements = old.as<float>();
  Value scaled = computed(old.name, old.shape, [&](std::size_t i) { return elements[i] * factor(i); });
  scaled.shape_known = true;
  node.inputs[index] = graph.add_value(std::move(scaled));
}

}  // namespace

WeightLayout::WeightLayout(const Graph& graph, const Node& node) {
  const Shape& w = graph.input(node, 1).shape;
  const std::int64_t groups = node.op == Op::Conv2d ? node.as<Conv2dAttrs>().groups : 1;
  outputs = w[0];
  columns = w[1];
  inputs = columns * groups;
  taps = w.count(2, w.rank());
  rows_per_group = outputs / groups;
}

bool has_float_weights(const Graph& graph, const Node& node) {
  if (node.op != Op::Conv2d && node.op != Op::Dense) return false;
  if (!node.has_input(1) || !is_float_constant(graph.input(node, 1)) || graph.input(node, 1).shape.count() == 0) {
    return false;
  }
  return !node.has_input(3) && (!node.has_input(2) || is_float_constant(graph.input(node, 2)));
}

std::vector<float> output_reach(const Graph& graph, const Node& node) {
  const WeightLayout layout(graph, node);
  return reach(graph.input(node, 1).as<float>(), layout.outputs, [&](std::size_t i) { return layout.output_of(i); });
}

std::vector<float> input_reach(const Graph& graph, const Node& node) {
  const WeightLayout layout(graph, node);
  return reach(graph.input(node, 1).as<float>(), layout.inputs, [&](std::size_t i) { return layout.input_of(i); });
}

void scale_outputs(Graph& graph, Node& node, std::span<const double> factors) {
  const WeightLayout layout(graph, node);
  replace(graph, node, 1, [&](std::size_t i) { return factors[layout.output_of(i)]; });
  if (node.has_input(2)) replace(graph, node, 2, [&](std::size_t i) { return factors[i]; });
}

void scale_inputs(Graph& graph, Node& node, std::span<const double> factors) {
  const WeightLayout layout(graph, node);
  replace(graph, node, 1, [&](std::size_t i) { return factors[layout.input_of(i)]; });
}

}  // namespace octet::graph
