// SPDX-License-Identifier: Apache-2.0
// What convolutions have in common, whatever their operands are made of.
#pragma once

#include <octet/status.h>

#include "graph/graph.h"
#include "graph/window.h"

namespace octet::graph {

// Size of the output for the image in input 0 and the weight (out, in/groups, kh, kw) in input `weight`,
// -1 where unknown. Takes the kernel size from the weight and resolves auto_pad.
Result<ImageSize> convolved(const Graph& graph, const Node& node, std::size_t weight, Window& window,
                            std::int64_t groups, bool channels_last);

}  // namespace octet::graph
