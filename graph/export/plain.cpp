// SPDX-License-Identifier: Apache-2.0
// By way of the ONNX exporter: one place says how an operator is written, whatever the file format.
#include "graph/export/plain.h"

#include <onnx/onnx_pb.h>

#include <algorithm>
#include <set>

#include "graph/export/onnx.h"
#include "graph/import/attributes.h"
#include "graph/import/tensor_data.h"

namespace octet::graph {
namespace {

Result<PlainNode> plain(const onnx::NodeProto& proto, const std::set<std::string>& read) {
  Graph nowhere;
  ImportContext context(nowhere);
  context.name = proto.name();
  if (Status status = import_attributes(proto, {}, context); !status.ok()) return status;
  PlainNode node{proto.name(), proto.op_type(), proto.domain(), {}, {}, std::move(context.attributes)};
  node.inputs.assign(proto.input().begin(), proto.input().end());
  for (const std::string& output : proto.output()) {
    const bool wanted = node.outputs.empty() || read.contains(output);
    node.outputs.push_back(wanted ? output : std::string());
  }
  return node;
}

}  // namespace

Result<PlainModel> export_plain(const Graph& graph) {
  Result<std::string> bytes = export_onnx(graph);
  if (!bytes.ok()) return bytes.status();
  onnx::ModelProto proto;
  if (!proto.ParseFromString(*bytes)) return Status::error("the exported model is no ONNX model");
  PlainModel model;
  model.name = proto.graph().name();
  model.opset = static_cast<int>(proto.opset_import(0).version());
  for (const onnx::TensorProto& tensor : proto.graph().initializer()) {
    Result<Value> value = import_tensor(tensor, {}, tensor.name());
    if (!value.ok()) return value.status();
    value->name = tensor.name();
    model.constants.push_back(std::move(*value));
  }
  // A graph's inputs keep their order and their names in the exported model.
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    model.inputs.push_back(graph[graph.inputs[i]]);
    model.inputs.back().name = proto.graph().input(static_cast<int>(i)).name();
  }
  std::set<std::string> read;
  for (const onnx::NodeProto& node : proto.graph().node()) read.insert(node.input().begin(), node.input().end());
  for (const onnx::ValueInfoProto& output : proto.graph().output()) {
    model.outputs.push_back(output.name());
    read.insert(output.name());
  }
  for (const onnx::NodeProto& node : proto.graph().node()) {
    Result<PlainNode> next = plain(node, read);
    if (!next.ok()) return next.status();
    model.nodes.push_back(std::move(*next));
  }
  return model;
}

}  // namespace octet::graph
