// SPDX-License-Identifier: Apache-2.0
// What each weight of a layer meets on average. A layer is linear in front of its clamp, so the mean of its
// result over all samples and positions is one dot product of its weights with these means: exact at the
// borders too, and no layer has to be computed for it.
#pragma once

#include <octet/status.h>

#include <span>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

class InputSums {
 public:
  // `node` is a Conv2d (NCHW) or Dense with constant weights, of a canonical graph.
  InputSums(const Graph& graph, const Node& node);

  // One batch of the layer's input. Refused: a shape over which the window cannot slide.
  Status add(std::span<const float> x, const Shape& shape);
  // mean over everything added of sum_k weights[c, k] * x[k], for each output channel; zeros before add().
  std::vector<double> mean_outputs(std::span<const float> weights) const;

 private:
  Status add_image(std::span<const float> x, const Shape& shape);
  const Node node_;
  std::int64_t inputs_, outputs_, columns_, taps_, rows_per_group_;
  std::vector<double> sums_;  // (input channel, tap)
  double positions_ = 0;
};

}  // namespace octet::graph
