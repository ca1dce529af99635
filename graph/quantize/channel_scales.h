// SPDX-License-Identifier: Apache-2.0
// Channels of a layer's weights, their reach and their scaling: what equalization and smoothing are made of.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

// Which input and output channel each weight joins: Conv2d (out, in/groups, kh, kw), Dense (n, k).
struct WeightLayout {
  WeightLayout(const Graph& graph, const Node& node);

  std::int64_t outputs, inputs;
  std::int64_t columns;         // input channels per output channel
  std::int64_t taps;            // weights per pair of channels
  std::int64_t rows_per_group;  // output channels

  std::size_t output_of(std::size_t weight) const { return weight / static_cast<std::size_t>(columns * taps); }
  std::size_t input_of(std::size_t weight) const {
    const auto row = static_cast<std::int64_t>(output_of(weight));
    const std::int64_t column = static_cast<std::int64_t>(weight) / taps % columns;
    return static_cast<std::size_t>(row / rows_per_group * columns + column);
  }
};

// A Conv2d or Dense whose weight and bias, if any, are plain float constants.
bool has_float_weights(const Graph& graph, const Node& node);

// max|w| of each output or input channel.
std::vector<float> output_reach(const Graph& graph, const Node& node);
std::vector<float> input_reach(const Graph& graph, const Node& node);

// Multiplies what channel c of the output, or of the input, contributes by factors[c]. The node gets constants
// of its own, so that another reader of the old ones keeps them.
void scale_outputs(Graph& graph, Node& node, std::span<const double> factors);
void scale_inputs(Graph& graph, Node& node, std::span<const double> factors);

}  // namespace octet::graph
