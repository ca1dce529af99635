// SPDX-License-Identifier: Apache-2.0
#include "graph/export/onnx.h"

#include <fmt/format.h>

#include <limits>

#include "graph/export/onnx_writer.h"
#include "graph/import/onnx.h"

namespace octet::graph {
namespace {

constexpr std::int64_t kOpset = 13;
constexpr std::int64_t kIrVersion = 7;  // what ONNX shipped with opset 13

using Writer = Status (*)(OnnxWriter&, const Node&);
constexpr Writer kWriters[] = {
#define OCTET_OP(Name, stem, runs) write_##stem,
#include "graph/ops.def"
#undef OCTET_OP
};

void describe(onnx::ValueInfoProto& info, const std::string& name, const Value& value) {
  info.set_name(name);
  onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx_type(value.dtype));
  if (!value.shape_known) return;
  onnx::TensorShapeProto& shape = *type.mutable_shape();
  for (int axis = 0; axis < value.shape.rank(); ++axis) {
    onnx::TensorShapeProto::Dimension& dim = *shape.add_dim();
    // One symbol per unknown size: nothing says that two of them are equal.
    if (value.shape[axis] < 0)
      dim.set_dim_param(fmt::format("{}_{}", name, axis));
    else
      dim.set_dim_value(value.shape[axis]);
  }
}

}  // namespace

Result<std::string> export_onnx(const Graph& graph) {
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("octet");
  model.add_opset_import()->set_version(kOpset);
  onnx::GraphProto& out = *model.mutable_graph();
  out.set_name(graph.name.empty() ? "octet" : graph.name);

  OnnxWriter writer(graph, out);
  for (ValueId id : graph.inputs) describe(*out.add_input(), writer.stored(id), graph[id]);
  for (const Node& node : graph.nodes) {
    const int first = out.node_size();
    if (Status status = kWriters[static_cast<std::size_t>(node.op)](writer, node); !status.ok()) return status;
    if (node.reason.empty()) continue;
    for (int i = first; i < out.node_size(); ++i)
      out.mutable_node(i)->set_doc_string(std::string(kReasonMark) + node.reason);
  }
  for (ValueId id : graph.outputs) describe(*out.add_output(), writer.stored(id), graph[id]);

  const std::size_t bytes = model.ByteSizeLong();
  if (bytes > static_cast<std::size_t>(std::numeric_limits<std::int32_t>::max())) {
    return Status::error(fmt::format("model of {} bytes: an ONNX file holds less than 2 GiB", bytes));
  }
  std::string file;
  if (!model.SerializeToString(&file)) return Status::error("model cannot be written as an ONNX file");
  return file;
}

}  // namespace octet::graph
