// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/smooth.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "graph/passes/clamp_of.h"
#include "graph/passes/derived_constant.h"
#include "graph/quantize/channel_scales.h"

namespace octet::graph {
namespace {

// Channels beyond this ratio are all but dead on one side; moving more would only make them so on the other.
constexpr double kLargest = 1e5;

bool is_float_constant(const Value& value) {
  return value.is_constant() && value.dtype == DType::f32 && !value.is_quantized();
}

// A vector along the last axis of what it is combined with, or one element.
bool fits_channels(const Value& value, std::int64_t channels) {
  if (!is_float_constant(value)) return false;
  const Shape& shape = value.shape;
  return shape.count() == 1 || (shape.count() == channels && shape[shape.rank() - 1] == channels);
}

// Divides a value by one factor per channel, by changing the nodes that make it, or copies of them where others
// read the value too.
class Division {
 public:
  Division(Graph& graph, const Uses& uses, std::span<const double> factors)
      : graph_(graph), uses_(uses), factors_(factors) {}

  // The divided value; kNone if its maker cannot absorb factors. `exclusive`: nobody else reads the value. A whole
  // layer is never copied.
  ValueId run(ValueId value, bool exclusive, bool dry) {
    const std::int32_t maker = uses_.producer[static_cast<std::size_t>(value)];
    if (maker < 0) return kNone;
    Node node = graph_.nodes[static_cast<std::size_t>(maker)];
    if (!absorb(node, exclusive, dry)) return kNone;
    if (dry) return value;
    if (exclusive) {
      graph_.nodes[static_cast<std::size_t>(maker)] = std::move(node);
      return value;
    }
    Value divided = graph_[value];
    divided.name += "/smoothed";
    node.name += "/smoothed";
    node.outputs = {graph_.add_value(std::move(divided))};
    graph_.nodes.push_back(node);
    return node.outputs[0];
  }

 private:
  std::int64_t channels() const { return static_cast<std::int64_t>(factors_.size()); }

  bool absorb(Node& node, bool exclusive, bool dry) {
    switch (node.op) {
      case Op::LayerNorm:
        return scale(node, 1, false, dry) && (!node.has_input(2) || scale(node, 2, false, dry));
      case Op::Dense: {
        const Clamp& clamp = node.as<DenseAttrs>().clamp;
        if (!exclusive || !has_float_weights(graph_, node) || (clamp.active() && !(clamp == Clamp{0, Clamp{}.hi}))) {
          return false;
        }
        std::vector<double> inverse;
        for (double factor : factors_) inverse.push_back(1 / factor);
        if (!dry) scale_outputs(graph_, node, inverse);
        return true;
      }
      case Op::Unary:
        return node.as<UnaryAttrs>().fn == UnaryFn::relu && divide_input(node, 0, exclusive, dry);
      case Op::Binary:
        return !node.as<BinaryAttrs>().clamp.active() && absorb_binary(node, exclusive, dry);
      default:
        return false;
    }
  }

  bool absorb_binary(Node& node, bool exclusive, bool dry) {
    const BinaryFn fn = node.as<BinaryAttrs>().fn;
    for (std::size_t side : {std::size_t{1}, std::size_t{0}}) {
      if (!fits_channels(graph_.input(node, side), channels())) continue;
      if (fn == BinaryFn::mul) return scale(node, side, false, dry);
      if (fn == BinaryFn::div && side == 1) return scale(node, side, true, dry);
      if (fn == BinaryFn::add || fn == BinaryFn::sub) {
        return divide_input(node, 1 - side, exclusive, dry) && scale(node, side, false, dry);
      }
    }
    return false;
  }

  bool divide_input(Node& node, std::size_t index, bool exclusive, bool dry) {
    const ValueId input = node.inputs[index];
    const ValueId divided = run(input, exclusive && uses_.only_one(input) && !graph_.is_output(input), dry);
    if (divided != kNone) node.inputs[index] = divided;
    return divided != kNone;
  }

  // Divides (or multiplies) a constant by the factors.
  bool scale(Node& node, std::size_t index, bool multiply, bool dry) {
    const Value old = graph_.input(node, index);
    if (!fits_channels(old, channels())) return false;
    if (dry) return true;
    const auto elements = old.as<float>();
    const bool one = old.shape.count() == 1;
    Value scaled = computed(old.name + "/smoothed", one ? Shape{channels()} : old.shape, [&](std::size_t i) {
      const double x = elements[one ? 0 : i];
      return multiply ? x * factors_[i] : x / factors_[i];
    });
    scaled.shape_known = true;
    node.inputs[index] = graph_.add_value(std::move(scaled));
    return true;
  }

  Graph& graph_;
  const Uses& uses_;
  std::span<const double> factors_;
};

// The Dense layers that read `value`, and whether nobody else does.
struct Readers {
  std::vector<std::size_t> dense;
  bool exclusive = true;
};
Readers readers_of(const Graph& graph, const Uses& uses, ValueId value) {
  Readers readers;
  readers.exclusive = !graph.is_output(value);
  for (std::int32_t consumer : uses.consumers[static_cast<std::size_t>(value)]) {
    const auto n = static_cast<std::size_t>(consumer);
    const bool is_layer = graph.nodes[n].op == Op::Dense && has_float_weights(graph, graph.nodes[n]);
    if (is_layer) readers.dense.push_back(n);
    readers.exclusive = readers.exclusive && is_layer;
  }
  return readers;
}

}  // namespace

std::vector<ValueId> smoothable_values(const Graph& graph) {
  const Uses uses(graph);
  std::vector<ValueId> values;
  for (const Node& node : graph.nodes) {
    if (node.op != Op::Dense || !has_float_weights(graph, node)) continue;
    const ValueId x = node.inputs[0];
    if (std::find(values.begin(), values.end(), x) != values.end()) continue;
    const std::vector<double> ones(static_cast<std::size_t>(WeightLayout(graph, node).inputs), 1.0);
    Graph& unchanged = const_cast<Graph&>(graph);  // a dry run
    if (Division(unchanged, uses, ones).run(x, readers_of(graph, uses, x).exclusive, true) != kNone)
      values.push_back(x);
  }
  return values;
}

Result<std::size_t> smooth(Graph& graph, const Reach& reach, double alpha) {
  const Uses uses(graph);
  std::size_t divided = 0;
  for (const auto& [value, x] : reach) {
    const Readers readers = readers_of(graph, uses, value);
    std::vector<float> w(x.size());
    for (std::size_t n : readers.dense) {
      const std::vector<float> own = input_reach(graph, graph.nodes[n]);
      for (std::size_t c = 0; c < w.size(); ++c) w[c] = std::max(w[c], own[c]);
    }
    std::vector<double> factors;
    for (std::size_t c = 0; c < x.size(); ++c) {
      const bool dead = !(x[c] > 0) || !(w[c] > 0) || !std::isfinite(x[c]) || !std::isfinite(w[c]);
      const double factor = dead ? 1 : std::pow(x[c], alpha) / std::pow(w[c], 1 - alpha);
      factors.push_back(std::clamp(factor, 1 / kLargest, kLargest));
    }
    Division division(graph, uses, factors);
    if (division.run(value, readers.exclusive, true) == kNone) continue;
    const ValueId smoothed = division.run(value, readers.exclusive, false);
    for (std::size_t n : readers.dense) {
      scale_inputs(graph, graph.nodes[n], factors);
      graph.nodes[n].inputs[0] = smoothed;
    }
    ++divided;
  }
  if (Status status = sort_nodes(graph); !status.ok()) return status;
  return divided;
}

}  // namespace octet::graph
