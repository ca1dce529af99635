// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/quantize.h>
#include <octet/status.h>

#include "graph/graph.h"

namespace octet::graph {

// A canonical float graph in which every Conv2d and Dense with constant weights works on codes whose parameters
// are computed by a DynamicQuantize in front of it, one for all that read the same value. A node that cannot
// keeps its form and gets its reason.
Result<Graph> convert_dynamic(const Graph& fp32, const QConfig& config);

}  // namespace octet::graph
