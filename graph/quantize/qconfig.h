// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/quantize.h>

#include "graph/graph.h"

namespace octet::graph {

// What a configuration says about one operator, its rules applied.
struct OpConfig {
  bool keep_float = false;
  ObserverSpec observer;
  QuantSpec activation, weight;
  ObserverSpec weight_observer;
};
OpConfig config_of(const QConfig& config, const Node& node);

// One sentence if this configuration cannot be carried out, before any sample is spent on it.
Status check_config(const QConfig& config);
// The same, for this graph: a rule for a name that no node has is most likely a misspelling.
Status check_config(const QConfig& config, const Graph& graph);

}  // namespace octet::graph
