// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/equalize.h"

#include <octet/tune.h>

#include <algorithm>
#include <limits>

#include "graph/passes/passes.h"
#include "graph/quantize/convert.h"
#include "runtime/float_environment.h"
#include "runtime/model_impl.h"
#include "runtime/tune/watch.h"

namespace octet {
namespace {

// Of every layer in a pair whose result has an upper bound.
Result<graph::Peaks> peaks_of(const Model& fp32, const Batches& batches) {
  const graph::Graph& source = fp32.impl().graph;
  std::vector<std::size_t> nodes;
  std::vector<graph::ValueId> values;
  for (const graph::EqualPair& pair : graph::equal_pairs(source)) {
    if (!graph::has_upper_bound(source.nodes[pair.first])) continue;
    nodes.push_back(pair.first);
    values.push_back(source.nodes[pair.first].outputs[0]);
  }
  graph::Peaks peaks;
  const auto visit = [&](std::size_t i, std::span<const float> x, const Shape& shape) -> Status {
    const bool is_image = source.nodes[nodes[i]].op == graph::Op::Conv2d;
    const int axis = is_image ? 1 : shape.rank() - 1;
    const auto channels = static_cast<std::size_t>(shape[axis]);
    const auto inner = static_cast<std::size_t>(shape.count(axis + 1, shape.rank()));
    std::vector<float>& peak = peaks[nodes[i]];
    peak.resize(channels, -std::numeric_limits<float>::infinity());
    for (std::size_t k = 0; k < x.size(); ++k) peak[k / inner % channels] = std::max(peak[k / inner % channels], x[k]);
    return {};
  };
  if (values.empty()) return peaks;
  if (Status status = runtime::watch(fp32, values, batches, visit); !status.ok()) return status;
  return peaks;
}

}  // namespace

Result<Model> equalize(const Model& fp32, const Batches& batches) {
  const runtime::FloatEnvironment environment;
  if (graph::is_quantized(fp32.impl().graph))
    return Status::error("model is quantized already: equalize takes a float one");
  const Result<graph::Peaks> peaks = peaks_of(fp32, batches);
  if (!peaks.ok()) return peaks.status();
  graph::Graph graph = fp32.impl().graph;
  graph::equalize(graph, *peaks);
  if (Status status = graph::remove_dead(graph); !status.ok()) return status;  // each round has left constants behind
  return runtime::make_model(std::move(graph), fp32.impl().float_prepare);
}

}  // namespace octet
