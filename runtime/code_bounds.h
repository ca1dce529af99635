// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "graph/graph.h"

namespace octet::runtime {

// The largest u8 code that each value of a lowered graph can hold, 255 where nothing bounds it. A
// clamp bounds the codes of the op that has it: 127 in models with reduced range. Kernels that are
// exact for small codes only (vpmaddubsw) take their proof from it.
std::vector<int> largest_codes(const graph::Graph& graph);

}  // namespace octet::runtime
