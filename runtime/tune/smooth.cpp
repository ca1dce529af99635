// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/smooth.h"

#include <fmt/format.h>
#include <octet/tune.h>

#include <algorithm>
#include <cmath>

#include "graph/passes/passes.h"
#include "graph/quantize/convert.h"
#include "runtime/float_environment.h"
#include "runtime/model_impl.h"
#include "runtime/tune/watch.h"

namespace octet {

Result<Model> smooth(const Model& fp32, const Batches& batches, float alpha) {
  const runtime::FloatEnvironment environment;
  if (!(alpha >= 0 && alpha <= 1)) return Status::error(fmt::format("alpha {}: must be between 0 and 1", alpha));
  if (batches.count < 1) return Status::error("smoothing needs at least one batch of samples");
  graph::Graph graph = fp32.impl().graph;
  if (graph::is_quantized(graph)) return Status::error("model is quantized already: smooth takes a float one");
  const std::vector<graph::ValueId> values = graph::smoothable_values(graph);
  graph::Reach reach;
  const auto visit = [&](std::size_t i, std::span<const float> x, const Shape& shape) -> Status {
    std::vector<float>& largest = reach[values[i]];
    largest.resize(static_cast<std::size_t>(shape[shape.rank() - 1]));
    for (std::size_t k = 0; k < x.size(); ++k) {
      float& entry = largest[k % largest.size()];
      entry = std::max(entry, std::abs(x[k]));
    }
    return {};
  };
  if (!values.empty()) {
    if (Status status = runtime::watch(fp32, values, batches, visit); !status.ok()) return status;
  }
  const Result<std::size_t> divided = graph::smooth(graph, reach, alpha);
  if (!divided.ok()) return divided.status();
  if (Status status = graph::remove_dead(graph); !status.ok()) return status;
  return runtime::make_model(std::move(graph), fp32.impl().float_prepare);
}

}  // namespace octet
