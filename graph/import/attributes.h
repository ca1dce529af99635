// SPDX-License-Identifier: Apache-2.0
// AttributeProto -> OnnxAttribute.
#pragma once

#include <octet/status.h>

#include <filesystem>

#include "graph/import/onnx_node.h"

namespace onnx {
class NodeProto;
}

namespace octet::graph {

class LoadBudget;

// Error if an attribute is a subgraph: control flow (If, Loop, Scan) is not supported.
Status refuse_subgraphs(const onnx::NodeProto& node, const ImportContext& context);

// Fills context.attributes. `budget`, if any, pays for tensors.
Status import_attributes(const onnx::NodeProto& node, const std::filesystem::path& directory, ImportContext& context,
                         LoadBudget* budget = nullptr);

}  // namespace octet::graph
