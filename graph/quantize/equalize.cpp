// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/equalize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "graph/passes/clamp_of.h"
#include "graph/quantize/channel_scales.h"

namespace octet::graph {
namespace {

constexpr float kNoBound = std::numeric_limits<float>::infinity();
constexpr int kMostRounds = 100;   // each halves what is left; networks settle in about 20
constexpr double kSettled = 1e-3;  // largest |log s| of a round
constexpr double kLargest = 1e4;   // of one step: a channel that is all but dead must not run away

// f(s*x) == s*f(x) for every s > 0, an upper bound left aside.
bool is_homogeneous(const Clamp& clamp) { return clamp.lo == 0 || clamp.lo == -kNoBound; }

bool passes_factors(const Graph& graph, const Node& node) {
  const Value& x = graph.input(node, 0);
  const Value& y = graph.output(node);
  switch (node.op) {
    case Op::Unary: {
      const UnaryFn fn = node.as<UnaryAttrs>().fn;
      return fn == UnaryFn::relu || fn == UnaryFn::leaky_relu || fn == UnaryFn::abs;
    }
    case Op::Pool:
      return true;
    case Op::Pad: {
      const auto& attrs = node.as<PadAttrs>();
      return attrs.value == 0 && attrs.begin.size() == 4 && attrs.begin[1] == 0 && attrs.end[1] == 0;
    }
    case Op::Resize:
      return node.as<ResizeAttrs>().scales.size() == 4 && node.as<ResizeAttrs>().scales[1] == 1;
    case Op::ReduceMean: {
      const std::vector<std::int64_t> spatial{2, 3};
      return node.as<ReduceMeanAttrs>().axes == spatial;
    }
    case Op::Reshape:  // (n, c, 1, 1) -> (n, c): the channels stay where they are
      return x.shape_known && y.shape_known && x.shape.rank() == 4 && x.shape[2] == 1 && x.shape[3] == 1 &&
             y.shape.rank() >= 2 && y.shape[1] == x.shape[1] &&
             std::all_of(y.shape.begin() + 2, y.shape.end(), [](std::int64_t size) { return size == 1; });
    default:
      return false;
  }
}

// A Dense takes channels from the last axis, a Conv2d from axis 1.
bool reads_channels(const Graph& graph, const Node& node) {
  return node.op == Op::Conv2d || (graph.input(node, 0).shape_known && graph.input(node, 0).shape.rank() == 2);
}

// What the first layer of a pair has been divided by so far, and what bounds it.
class Level {
 public:
  Level(const Graph& graph, const EqualPair& pair, const Peaks& peaks) : pair_(pair) {
    const Node& first = graph.nodes[pair.first];
    total_.assign(static_cast<std::size_t>(WeightLayout(graph, first).outputs), 1.0);
    if (!has_upper_bound(first)) return;
    const float bound = clamp_of(first)->hi;
    const auto found = peaks.find(pair.first);
    for (std::size_t c = 0; c < total_.size(); ++c) {
      // A channel that was never looked at might reach it.
      const float peak = found == peaks.end() ? bound : std::max(found->second[c], 0.0F);
      least_.push_back(std::min(static_cast<double>(peak) / bound, 1.0));
    }
  }

  // Returns the largest |log s|.
  double run(Graph& graph) {
    Node& first = graph.nodes[pair_.first];
    Node& second = graph.nodes[pair_.second];
    const std::vector<float> out = output_reach(graph, first), in = input_reach(graph, second);
    std::vector<double> divide(out.size(), 1.0), multiply(out.size(), 1.0);
    double most = 0;
    for (std::size_t c = 0; c < out.size(); ++c) {
      if (!(out[c] > 0) || !(in[c] > 0) || !std::isfinite(out[c]) || !std::isfinite(in[c])) continue;  // dead
      multiply[c] = allowed(c, std::clamp(std::sqrt(static_cast<double>(out[c]) / in[c]), 1 / kLargest, kLargest));
      divide[c] = 1 / multiply[c];
      most = std::max(most, std::abs(std::log(multiply[c])));
    }
    if (most < kSettled) return most;
    for (std::size_t c = 0; c < total_.size(); ++c) total_[c] *= multiply[c];
    scale_outputs(graph, first, divide);
    scale_inputs(graph, second, multiply);
    return most;
  }

 private:
  double allowed(std::size_t c, double wanted) const {
    if (least_.empty()) return wanted;
    if (least_[c] >= 1) return 1;
    return std::max(total_[c] * wanted, least_[c]) / total_[c];
  }

  EqualPair pair_;
  std::vector<double> total_;  // (channels)
  std::vector<double> least_;  // (channels) total_ may not get smaller; 1: nor larger. Empty: no bound.
};

}  // namespace

bool has_upper_bound(const Node& node) {
  const Clamp* clamp = clamp_of(node);
  return clamp != nullptr && clamp->hi != kNoBound;
}

std::vector<EqualPair> equal_pairs(const Graph& graph) {
  const Uses uses(graph);
  std::vector<EqualPair> pairs;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& layer = graph.nodes[n];
    if (!has_float_weights(graph, layer) || !is_homogeneous(*clamp_of(layer)) ||
        (has_upper_bound(layer) && !(clamp_of(layer)->hi > 0))) {
      continue;
    }
    ValueId value = layer.outputs[0];
    while (uses.only_one(value) && !graph.is_output(value)) {
      const auto reader = static_cast<std::size_t>(uses.consumers[static_cast<std::size_t>(value)][0]);
      const Node& node = graph.nodes[reader];
      if (node.inputs[0] != value) break;
      if (has_float_weights(graph, node)) {
        const WeightLayout from(graph, layer), to(graph, node);
        if (from.outputs == to.inputs && reads_channels(graph, node)) pairs.push_back({n, reader});
        break;
      }
      const auto clamp = as_clamp(node);
      if (!(clamp ? is_homogeneous(*clamp) && clamp->hi == kNoBound : passes_factors(graph, node))) break;
      value = node.outputs[0];
    }
  }
  return pairs;
}

std::size_t equalize(Graph& graph, const Peaks& peaks) {
  std::vector<Level> levels;
  for (const EqualPair& pair : equal_pairs(graph)) levels.emplace_back(graph, pair, peaks);
  for (int round = 0; round < kMostRounds; ++round) {
    double most = 0;
    for (Level& level : levels) most = std::max(most, level.run(graph));
    if (most < kSettled) break;
  }
  return levels.size();
}

}  // namespace octet::graph
