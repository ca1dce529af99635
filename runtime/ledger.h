// SPDX-License-Identifier: Apache-2.0
// The precision ledger: what each op became, and why it is not int8 where it is not.
#pragma once

#include <octet/session.h>

#include <string>

#include "graph/graph.h"

namespace octet::runtime {

// Everything about `node` that the graph knows; `kernel` and `macs` come from the prepared op.
OpInfo describe(const graph::Graph& graph, const graph::Node& node, bool model_is_quantized, std::string kernel,
                double macs);

}  // namespace octet::runtime
