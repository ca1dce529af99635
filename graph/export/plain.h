// SPDX-License-Identifier: Apache-2.0
// A graph as the ONNX nodes that mean it, without protobuf: what other file formats store.
#pragma once

#include <octet/status.h>

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/import/onnx_node.h"

namespace octet::graph {

struct PlainNode {
  std::string name, op_type, domain;
  std::vector<std::string> inputs, outputs;  // "" where absent or not read by anybody
  std::map<std::string, OnnxAttribute, std::less<>> attributes;
};

struct PlainModel {
  std::string name;
  int opset = 0;
  std::vector<Value> constants, inputs;
  std::vector<std::string> outputs;
  std::vector<PlainNode> nodes;  // in topological order
};

Result<PlainModel> export_plain(const Graph& graph);

}  // namespace octet::graph
