// SPDX-License-Identifier: Apache-2.0
// The mechanical half of conversion: everything is decided, now write the int8 graph.
#pragma once

#include <map>
#include <vector>

#include "graph/graph.h"
#include "graph/quantize/placement.h"
#include "graph/quantize/weights.h"

namespace octet::graph {

struct Rewrite {
  const Graph& fp32;
  Placement placement;
  std::vector<Quant> quants;                        // (values) of every activation that becomes codes
  std::map<std::size_t, QuantizedWeights> weights;  // by node
  DType activation;                                 // type of the codes
};

// Values keep their names where they can: an int8 node's output is called as before, unless it is an
// output of the model; then the float output keeps the name and the codes are "<name>_quantized".
Graph make_int8_graph(const Rewrite& rewrite);

}  // namespace octet::graph
