// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "graph/passes/passes.h"
#include "graph/quantize/codes.h"
#include "graph/quantize/placement.h"
#include "graph/quantize/qconfig.h"
#include "graph/quantize/rewrite.h"
#include "graph/quantize/weights.h"

namespace octet::graph {
namespace {

constexpr std::int64_t kMostMatMulTerms = 33025;  // * 255 * 255 < 2^31
constexpr float kMostAddRatio = 0x1p18F;          // the Add row of docs/arithmetic.md needs less than 2^19

bool has_weights(Op op) { return op == Op::Conv2d || op == Op::ConvTranspose2d || op == Op::Dense; }

// Calls visit(value) for every activation that must have parameters, some more than once.
template <class Visit>
void for_each_quantized(const Graph& graph, const Placement& placement, Visit visit) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (placement.roles[n] == Role::stays_float) continue;
    for (std::size_t index : activation_inputs(graph.nodes[n])) visit(graph.nodes[n].inputs[index]);
    for (ValueId output : graph.nodes[n].outputs) {
      if (output != kNone) visit(output);
    }
  }
}

// What the configuration says of each node, and so of each value.
class Settings {
 public:
  Settings(const Graph& graph, const QConfig& config) : uses_(graph) {
    for (const Node& node : graph.nodes) nodes_.push_back(config_of(config, node));
  }

  const OpConfig& of_node(std::size_t n) const { return nodes_[n]; }

  std::map<std::size_t, std::string> kept_float() const {
    std::map<std::size_t, std::string> kept;
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      if (nodes_[n].keep_float) kept[n] = "kept in fp32 by the configuration";
    }
    return kept;
  }

  // Of a value that names itself as its source: the int8 node that computes it, else the first that reads it.
  const OpConfig& of_value(const Placement& placement, ValueId value) const {
    const auto at = static_cast<std::size_t>(value);
    const auto is_int8 = [&](std::int32_t n) {
      return n >= 0 && placement.roles[static_cast<std::size_t>(n)] != Role::stays_float;
    };
    if (is_int8(uses_.producer[at])) return of_node(static_cast<std::size_t>(uses_.producer[at]));
    const auto& readers = uses_.consumers[at];
    const auto reader = std::find_if(readers.begin(), readers.end(), is_int8);
    // Only reached for values that an int8 node reads, perhaps through others that share its parameters.
    return of_node(static_cast<std::size_t>(reader != readers.end() ? *reader : readers.front()));
  }

 private:
  Uses uses_;
  std::vector<OpConfig> nodes_;
};

// (values) parameters that follow from the operator, for outputs of int8 nodes.
std::map<ValueId, Quant> known_qparams(const Graph& graph, const Placement& placement, const Settings& settings) {
  std::map<ValueId, Quant> known;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (placement.roles[n] != Role::computes) continue;
    Quant quant = known_output_qparams(graph.nodes[n], settings.of_node(n).activation);
    if (!quant.scale.empty()) known[graph.nodes[n].outputs[0]] = std::move(quant);
  }
  return known;
}

std::vector<Wanted> values_to_observe(const Graph& graph, const Placement& placement, const Settings& settings) {
  const std::map<ValueId, Quant> known = known_qparams(graph, placement, settings);
  std::set<ValueId> wanted;
  for_each_quantized(graph, placement, [&](ValueId value) {
    const ValueId source = placement.source_of(value);
    if (!graph[source].is_constant() && !known.contains(source)) wanted.insert(source);
  });
  std::vector<Wanted> all;
  for (ValueId value : wanted) {
    const OpConfig& own = settings.of_value(placement, value);
    all.push_back({value, own.observer, own.activation});
  }
  return all;
}

Range range_of(const Value& constant) {
  Range range;
  for (float x : constant.as<float>()) range.include({x, x});
  return range;
}

Status never_observed(const Graph& graph, std::span<const ValueId> values) {
  constexpr std::size_t kMostNames = 8;
  std::string names;
  for (std::size_t i = 0; i < std::min(values.size(), kMostNames); ++i) {
    names += fmt::format("{}'{}'", i == 0 ? "" : ", ", graph[values[i]].name);
  }
  if (values.size() > kMostNames) names += fmt::format(" and {} more", values.size() - kMostNames);
  return Status::error(
      fmt::format("values never observed: {}: call observe() with at least one sample before convert()", names));
}

// (values) the parameters of every activation that becomes codes.
Result<std::vector<Quant>> choose_all(const Graph& graph, const Placement& placement, std::span<const Range> ranges,
                                      const Settings& settings, const std::map<ValueId, float>& floors) {
  std::vector<ValueId> missing;
  for (const Wanted& wanted : values_to_observe(graph, placement, settings)) {
    const auto at = static_cast<std::size_t>(wanted.value);
    if (at >= ranges.size() || ranges[at].empty()) missing.push_back(wanted.value);
  }
  if (!missing.empty()) return never_observed(graph, missing);

  const std::map<ValueId, Quant> known = known_qparams(graph, placement, settings);
  std::vector<Quant> quants(graph.values.size());
  Status failed;
  for_each_quantized(graph, placement, [&](ValueId value) {
    Quant& quant = quants[static_cast<std::size_t>(value)];
    if (!quant.scale.empty() || !failed.ok()) return;
    const ValueId source = placement.source_of(value);
    const auto fixed = known.find(source);
    if (fixed != known.end()) {
      quant = fixed->second;
      return;
    }
    const Value& shown = graph[source];
    QuantSpec own = settings.of_value(placement, source).activation;
    if (const auto floor = floors.find(source); floor != floors.end()) own.eps = std::max(own.eps, floor->second);
    const Range range = shown.is_constant() ? range_of(shown) : ranges[static_cast<std::size_t>(source)];
    // A constant without elements is never read; any parameters do.
    Result<Quant> chosen = choose_qparams(shown.is_constant() && range.empty() ? Range{0, 0} : range, own);
    if (chosen.ok()) {
      quant = std::move(*chosen);
    } else {
      failed = Status::error(fmt::format("value '{}': {}", shown.name, chosen.status().message()));
    }
  });
  if (!failed.ok()) return failed;
  return quants;
}

// Smallest scales (by source value) that sums need beside their terms, added to `floors`; false if
// there are no new ones. Such a sum, of a dead branch say, is below 2^-10 of one step of its terms: with
// a larger scale it is as much 0 as before, and its codes can be computed.
bool raise_scales_of_small_sums(const Graph& graph, const Placement& placement, std::span<const Quant> quants,
                                std::map<ValueId, float>& floors) {
  const auto scale = [&](ValueId value) { return quants[static_cast<std::size_t>(value)].scale[0]; };
  bool raised = false;
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (placement.roles[n] != Role::computes || node.op != Op::Binary) continue;
    if (node.as<BinaryAttrs>().fn == BinaryFn::mul) continue;
    const float least = std::max(scale(node.inputs[0]), scale(node.inputs[1])) / kMostAddRatio;
    if (scale(node.outputs[0]) >= least) continue;
    float& floor = floors[placement.source_of(node.outputs[0])];
    raised = raised || floor < least;
    floor = std::max(floor, least);
  }
  return raised;
}

// Why this node cannot be computed on codes although its op can; empty if it can.
std::string refusal(const Graph& graph, const Node& node) {
  if (node.op != Op::MatMul) return {};
  const Shape& a = graph.input(node, 0).shape;
  if (a.rank() == 0 || a[a.rank() - 1] <= kMostMatMulTerms) return {};
  return fmt::format("{} products per sum: at most {} fit an int32 accumulator", a[a.rank() - 1], kMostMatMulTerms);
}

}  // namespace

bool is_quantized(const Graph& graph) {
  return std::any_of(graph.values.begin(), graph.values.end(), [](const Value& value) { return value.is_quantized(); });
}

std::vector<Wanted> values_to_observe(const Graph& fp32, const QConfig& config) {
  const Settings settings(fp32, config);
  return values_to_observe(fp32, place(fp32, settings.kept_float()), settings);
}

Result<Graph> convert(const Graph& fp32, std::span<const Range> ranges, const QConfig& config) {
  if (Status status = check_config(config, fp32); !status.ok()) return status;
  if (is_quantized(fp32)) return Status::error("model is quantized already: convert takes a float model");
  const Settings settings(fp32, config);
  // Which nodes int8 cannot carry shows only once parameters are chosen, and keeping one float changes
  // what its neighbours need: start over then. Ends, since each round keeps one more, and scales only
  // rise, from values to those that are made of them.
  std::map<std::size_t, std::string> kept_float = settings.kept_float();
  std::map<ValueId, float> floors;
  while (true) {
    Rewrite rewrite{fp32, place(fp32, kept_float), {}, {}, config.activation.dtype};
    Result<std::vector<Quant>> quants = choose_all(fp32, rewrite.placement, ranges, settings, floors);
    if (!quants.ok()) return quants.status();
    rewrite.quants = std::move(*quants);
    if (raise_scales_of_small_sums(fp32, rewrite.placement, rewrite.quants, floors)) continue;
    const std::size_t kept_before = kept_float.size();
    for (std::size_t n = 0; n < fp32.nodes.size(); ++n) {
      const Node& node = fp32.nodes[n];
      if (rewrite.placement.roles[n] != Role::computes) continue;
      std::string reason = refusal(fp32, node);
      if (reason.empty() && has_weights(node.op)) {
        Result<QuantizedWeights> weights =
            quantize_weights(fp32, node, rewrite.quants[static_cast<std::size_t>(node.inputs[0])],
                             config.activation.dtype, settings.of_node(n).weight, settings.of_node(n).weight_observer);
        if (weights.ok())
          rewrite.weights.emplace(n, std::move(*weights));
        else
          reason = weights.status().message();
      }
      if (!reason.empty()) kept_float[n] = std::move(reason);
    }
    if (kept_float.size() != kept_before) continue;
    Graph int8 = make_int8_graph(rewrite);
    if (Status status = remove_dead(int8); !status.ok()) return status;
    return int8;
  }
}

}  // namespace octet::graph
