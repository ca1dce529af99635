// SPDX-License-Identifier: Apache-2.0
// Cross-layer equalization: Relu(s*x) is s*Relu(x) for s > 0, so channel c between two layers may be divided by
// s[c] in the first one's weights and multiplied in the second one's:
//
//   x -> Conv2d(w1, b1, Relu) -> Conv2d(w2) -> y
//   becomes  x -> Conv2d(w1 / s, b1 / s, Relu) -> Conv2d(w2 * s) -> y,    s[c] = sqrt(max|w1[c]| / max|w2[:,c]|)
//
// after which both weights reach equally far in every channel. One pair's weights are another pair's too, so all
// pairs are gone through until nothing moves.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

// Two layers joined by one channel axis, as indices of nodes.
struct EqualPair {
  std::size_t first, second;
};

// The pairs in a canonical float graph: Conv2d (depthwise too) and Dense, with nothing between them but
// functions through which a factor per channel passes, each read by nobody else.
std::vector<EqualPair> equal_pairs(const Graph& graph);

// True if the result of `node` has an upper bound, as that of Relu6: a factor does not pass through it.
bool has_upper_bound(const Node& node);

// By node: the largest value that each channel of its result was seen to reach.
using Peaks = std::map<std::size_t, std::vector<float>>;

// Levels all pairs; returns their number. Values keep their ids; constants are added. Where the first layer
// has an upper bound, the bound stays, so that the function changes for no value up to the peaks: channels
// that reach the bound keep their scale, and no other channel is made to reach it.
std::size_t equalize(Graph& graph, const Peaks& peaks);

}  // namespace octet::graph
