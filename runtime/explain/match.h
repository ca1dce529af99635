// SPDX-License-Identifier: Apache-2.0
// Which operator of a float model an operator of its int8 form was.
#pragma once

#include <vector>

#include "graph/graph.h"

namespace octet::runtime {

struct Match {
  std::int32_t node = -1;               // in the float graph, of the same op; -1: none
  graph::ValueId value = graph::kNone;  // of the float graph, what output 0 should be; kNone: unknown
};

// One entry per node of `int8`: by the node's name, else by the name of its result, else by order where both
// graphs have the same sequence of operators that compute.
std::vector<Match> match(const graph::Graph& int8, const graph::Graph& fp32);

}  // namespace octet::runtime
