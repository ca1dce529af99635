// SPDX-License-Identifier: Apache-2.0
// SmoothQuant: a few channels of an activation that are far larger than the others leave these but a few of
// the codes. Weights have room, so part of the size is moved there:
//
//   LayerNorm(g, b) -> x -> Dense(w)   becomes   LayerNorm(g / s, b / s) -> x / s -> Dense(w * s)
//
// with s[c] = max|x[c]|^alpha / max|w[:,c]|^(1-alpha).
#pragma once

#include <map>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

// The values that Dense layers read and that smooth() can divide, of a canonical float graph.
std::vector<ValueId> smoothable_values(const Graph& graph);

// By value: max|x| of each channel, which is an index of the last axis.
using Reach = std::map<ValueId, std::vector<float>>;

// Divides each value of `reach` for its Dense readers; other readers keep the old one. The division is absorbed
// by what computes the value, or by a copy of that if there are other readers. Returns how many values were
// divided.
Result<std::size_t> smooth(Graph& graph, const Reach& reach, double alpha);

}  // namespace octet::graph
