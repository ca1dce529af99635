// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/limits.h>
#include <octet/status.h>

#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "runtime/compiled/packed.h"

namespace octet::runtime {

struct CompiledModel {
  graph::Graph graph;  // not simplified yet
  std::map<std::string, std::string> notes;
  // Packed forms, and the constants that have one: their elements are not verified, this is their checksum.
  std::vector<std::pair<graph::Value, StoredWeights>> packed;
  std::vector<std::pair<graph::Value, std::uint64_t>> deferred;
};

// Constants and packed weights point into `file`, which they keep alive. Nothing in it is trusted: every
// node passes the rules that a node of an ONNX file passes.
Result<CompiledModel> read_compiled(const std::shared_ptr<const std::byte[]>& file, std::size_t size,
                                    const ModelLimits& limits);

}  // namespace octet::runtime
