// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/status.h>

#include <cstddef>
#include <memory>

#include "graph/graph.h"

namespace octet::runtime {

// The graph of a compiled model, not simplified yet. Constants point into `file`, which they keep
// alive. Nothing in it is trusted: every node passes the rules that a node of an ONNX file passes.
Result<graph::Graph> read_compiled(const std::shared_ptr<const std::byte[]>& file, std::size_t size);

}  // namespace octet::runtime
