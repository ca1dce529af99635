// SPDX-License-Identifier: Apache-2.0
//   b[c] -= E[y_int8[c] - y_float[c]]    in front of the clamp, over all samples and positions
//
// Both means are dot products of weights with the mean of what they meet (InputSums), so only the inputs of
// layers are looked at: of the float model all in one run per batch, of the int8 model one layer after the
// other, cut off behind that input, since correcting a layer changes what all later ones get.
#include "runtime/tune/bias_correction.h"

#include <fmt/format.h>

#include <map>

#include "graph/passes/derived_constant.h"
#include "graph/passes/passes.h"
#include "graph/quantize/calibration_record.h"
#include "graph/quantize/channel_scales.h"
#include "graph/quantize/convert.h"
#include "graph/quantize/input_sums.h"
#include "runtime/calibrator.h"
#include "runtime/float_environment.h"
#include "runtime/tune/watch.h"

namespace octet::runtime {
namespace {

using graph::Graph;
using graph::InputSums;
using graph::Node;
using graph::Value;
using graph::ValueId;

// Means over positions and samples settle long before this, and each layer costs a run per batch.
constexpr std::int64_t kMostBatches = 32;

// Evenly spaced, so that samples sorted by class are not a problem.
Batches some_of(const Batches& all) {
  if (all.count <= kMostBatches) return all;
  return {kMostBatches, [&all](std::int64_t i) { return all.get(i * all.count / kMostBatches); }};
}

// The layers that read one value, as indices of nodes of the float graph.
using Layers = std::vector<std::size_t>;

void add_missing_bias(Graph& graph, Node& node) {
  if (node.has_input(2)) return;
  Value zeros =
      graph::computed(node.name + "/bias", Shape{graph.input(node, 1).shape[0]}, [](std::size_t) { return 0.0; });
  zeros.shape_known = true;
  node.inputs.resize(3, graph::kNone);
  node.inputs[2] = graph.add_value(std::move(zeros));
}

class Correction {
 public:
  Correction(const Model& fp32, std::span<const Range> ranges, const QConfig& config, const Batches& batches)
      : graph_(fp32.impl().graph),
        float_prepare_(fp32.impl().float_prepare),
        ranges_(ranges.begin(), ranges.end()),
        config_(config),
        batches_(batches) {}

  Result<Graph> run() {
    std::vector<ValueId> order;
    std::map<ValueId, Layers> readers;
    for (std::size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!graph::has_float_weights(graph_, graph_.nodes[n])) continue;
      add_missing_bias(graph_, graph_.nodes[n]);
      Layers& layers = readers[graph_.nodes[n].inputs[0]];
      if (layers.empty()) order.push_back(graph_.nodes[n].inputs[0]);
      layers.push_back(n);
    }
    ranges_.resize(graph_.values.size());
    if (Status status = float_means(order, readers); !status.ok()) return status;
    for (ValueId input : order) {
      if (Status status = correct(readers[input]); !status.ok()) return status;
    }
    return std::move(graph_);
  }

 private:
  // Sums over all batches of value `ids[i]` of `graph`, for the layer `nodes[i]`.
  Status sum_inputs(const Graph& graph, std::span<const ValueId> ids, std::span<InputSums> sums) {
    return watch(make_model(graph, float_prepare_), ids, batches_,
                 [&](std::size_t i, std::span<const float> x, const Shape& shape) { return sums[i].add(x, shape); });
  }

  Status float_means(const std::vector<ValueId>& order, const std::map<ValueId, Layers>& readers) {
    std::vector<std::size_t> nodes;
    std::vector<ValueId> ids;
    std::vector<InputSums> sums;
    for (ValueId input : order) {
      for (std::size_t n : readers.at(input)) {
        nodes.push_back(n);
        ids.push_back(input);
        sums.emplace_back(graph_, graph_.nodes[n]);
      }
    }
    if (Status status = sum_inputs(graph_, ids, sums); !status.ok()) return status;
    for (std::size_t i = 0; i < nodes.size(); ++i) {
      float_means_[nodes[i]] = sums[i].mean_outputs(graph_.input(graph_.nodes[nodes[i]], 1).as<float>());
    }
    return {};
  }

  Status correct(const Layers& layers) {
    Result<Graph> converted = graph::convert(graph_, ranges_, config_);
    if (!converted.ok()) return converted.status();
    std::vector<std::size_t> corrected;
    std::vector<Value> weights;  // of int8, as reals
    ValueId input = graph::kNone;
    for (std::size_t n : layers) {
      const Node* int8 = int8_form(*converted, graph_.nodes[n]);
      if (int8 == nullptr) continue;  // stays in fp32: what upstream does to it is for others to correct
      corrected.push_back(n);
      weights.push_back(*graph::dequantized(converted->input(*int8, 1)));
      input = int8->inputs[0];
    }
    if (corrected.empty()) return {};
    converted->outputs = {input};
    if (Status status = graph::remove_dead(*converted); !status.ok()) return status;
    std::vector<InputSums> sums;
    for (std::size_t n : corrected) sums.emplace_back(graph_, graph_.nodes[n]);
    const std::vector<ValueId> ids(corrected.size(), converted->outputs[0]);
    if (Status status = sum_inputs(*converted, ids, sums); !status.ok()) return status;
    for (std::size_t i = 0; i < corrected.size(); ++i) {
      move_bias(graph_.nodes[corrected[i]], sums[i].mean_outputs(weights[i].as<float>()), float_means_[corrected[i]]);
    }
    return {};
  }

  static const Node* int8_form(const Graph& int8, const Node& layer) {
    for (const Node& node : int8.nodes) {
      if (node.name == layer.name && node.op == layer.op && int8.input(node, 1).is_quantized()) return &node;
    }
    return nullptr;
  }

  void move_bias(Node& node, const std::vector<double>& int8, const std::vector<double>& fp32) {
    const Value old = graph_.input(node, 2);
    const auto bias = old.as<float>();
    Value moved = graph::computed(old.name, old.shape, [&](std::size_t c) { return bias[c] - (int8[c] - fp32[c]); });
    moved.shape_known = true;
    node.inputs[2] = graph_.add_value(std::move(moved));
    ranges_.resize(graph_.values.size());
  }

  Graph graph_;
  kernels::PrepareFn float_prepare_;
  std::vector<Range> ranges_;
  const QConfig& config_;
  const Batches& batches_;
  std::map<std::size_t, std::vector<double>> float_means_;  // by node
};

}  // namespace

Result<Graph> correct_biases(const Model& fp32, std::span<const Range> ranges, const QConfig& config,
                             const Batches& batches) {
  const FloatEnvironment environment;
  if (batches.count < 1) return Status::error("bias correction needs at least one batch of samples");
  const Batches some = some_of(batches);
  return Correction(fp32, ranges, config, some).run();
}

}  // namespace octet::runtime

namespace octet {

Result<Model> convert_corrected(const Calibrator& calibrator, const Batches& batches) {
  const runtime::FloatEnvironment environment;
  const Calibrator::Impl& impl = calibrator.impl();
  std::vector<Range> ranges = impl.chosen_ranges();
  Result<graph::Graph> corrected = runtime::correct_biases(impl.model, ranges, impl.config, batches);
  if (!corrected.ok()) return corrected.status();
  ranges.resize(corrected->values.size());
  Result<graph::Graph> int8 = graph::convert(*corrected, ranges, impl.config);
  if (!int8.ok()) return int8.status();
  return runtime::make_model(std::move(*int8), impl.model.impl().float_prepare, graph::calibration_record(calibrator));
}

}  // namespace octet
