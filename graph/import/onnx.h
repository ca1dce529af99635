// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/limits.h>
#include <octet/status.h>

#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

#include "graph/graph.h"

namespace octet::graph {

// A node's doc_string that begins so says Node::reason: why it computes in floats.
inline constexpr std::string_view kReasonMark = "octet: ";

// The opsets of ai.onnx that import rules know. Before opset 7 operators that broadcast did so in another way, and
// those that changed until then are refused by name.
constexpr int kOldestOpset = 1, kUnchangedSince = 7, kNewestOpset = 21;

// The graph that an ONNX file means, shapes inferred as far as its nodes tell. `directory` is where
// files of external data lie; empty is the current one. The bytes are not trusted: whatever they are,
// the result is a graph that keeps the invariants of graph.h or an error.
Result<Graph> import_onnx(std::span<const std::byte> bytes, const std::filesystem::path& directory,
                          const ModelLimits& limits = {});

}  // namespace octet::graph
