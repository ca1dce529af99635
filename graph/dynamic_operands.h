// SPDX-License-Identifier: Apache-2.0
// What products of codes with computed parameters have in common.
#pragma once

#include <octet/status.h>

#include "graph/graph.h"

namespace octet::graph {

// Inputs as graph/attrs.h lists them for the dynamic operators: their types, one zero point and one scale,
// weights that are a constant of `rank` axes with an output per index of axis 0, and as many biases.
Status check_dynamic_operands(const Graph& graph, const Node& node, int rank);

}  // namespace octet::graph
