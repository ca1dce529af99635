// SPDX-License-Identifier: Apache-2.0
// The one reader of ONNX files: everything that a NodeProto says reaches the rules in graph/ops/ as an
// ImportContext.
#include "graph/import/onnx.h"

#include <fmt/format.h>
#include <google/protobuf/io/coded_stream.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <iterator>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include "graph/import/attributes.h"
#include "graph/import/rules.h"
#include "graph/import/tensor_data.h"
#include "graph/load_budget.h"

namespace octet::graph {
namespace {

std::string name_of(const onnx::NodeProto& node) {
  if (!node.name().empty()) return node.name();
  for (const std::string& output : node.output()) {
    if (!output.empty()) return output;
  }
  return node.op_type();
}

// Operators that mean something else before kUnchangedSince, or say it in other attributes.
constexpr std::string_view kChangedEarly[] = {"Add",     "And",      "AveragePool", "BatchNormalization",
                                              "Cast",    "Concat",   "Div",         "Dropout",
                                              "Equal",   "Gemm",     "Greater",     "Less",
                                              "Max",     "Mean",     "Min",         "Mul",
                                              "Or",      "PRelu",    "Pad",         "Pow",
                                              "Reshape", "Split",    "Sub",         "Sum",
                                              "Tile",    "Upsample", "Xor"};

class Importer {
 public:
  Importer(const onnx::ModelProto& model, const std::filesystem::path& directory, LoadBudget& budget)
      : proto_(model.graph()), model_(model), directory_(directory), budget_(budget), context_(graph_) {}

  Result<Graph> run() {
    graph_.name = proto_.name();
    using Step = Status (Importer::*)();
    for (Step step : {&Importer::count, &Importer::read_opset, &Importer::read_initializers, &Importer::read_inputs,
                      &Importer::read_nodes, &Importer::read_outputs}) {
      if (Status status = (this->*step)(); !status) return status;
    }
    return std::move(graph_);
  }

 private:
  Status count();
  Status read_opset();
  Status read_initializers();
  Status read_inputs();
  Status read_nodes();
  Status read_outputs();

  Status define(const std::string& name, ValueId id, const char* what);
  Result<std::vector<std::int32_t>> node_order() const;
  Status read_node(const onnx::NodeProto& node);
  Status fill_context(const onnx::NodeProto& node);
  ValueId as_output(ValueId id, const std::string& name);

  const onnx::GraphProto& proto_;
  const onnx::ModelProto& model_;
  const std::filesystem::path& directory_;
  LoadBudget& budget_;
  Graph graph_;
  ImportContext context_;
  std::unordered_map<std::string, ValueId> ids_;     // by ONNX name
  std::unordered_set<std::string_view> read_names_;  // what a node reads or the graph returns
};

Status Importer::count() {
  const auto size = [](int n) { return static_cast<std::size_t>(n); };
  return budget_.check_counts(size(proto_.node_size()), size(proto_.input_size()), size(proto_.output_size()));
}

Status Importer::read_opset() {
  std::int64_t opset = 0;
  for (const auto& import : model_.opset_import()) {
    if (import.domain().empty() || import.domain() == "ai.onnx") opset = std::max(opset, import.version());
  }
  if (opset == 0) return Status::error("the model imports no opset of ai.onnx: it does not say what its nodes mean");
  if (opset < kOldestOpset || opset > kNewestOpset) {
    return Status::error(
        fmt::format("the model uses opset {}: supported are {} to {}", opset, kOldestOpset, kNewestOpset));
  }
  context_.opset = static_cast<int>(opset);
  return {};
}

Status Importer::define(const std::string& name, ValueId id, const char* what) {
  if (name.empty()) return Status::error(fmt::format("{} has no name", what));
  if (ids_.emplace(name, id).second) return {};
  return Status::error(fmt::format("{} '{}': the name stands for another value already", what, name));
}

Status Importer::read_initializers() {
  if (proto_.sparse_initializer_size() > 0) {
    return Status::error(fmt::format("initializer '{}' is sparse: only dense ones are supported",
                                     proto_.sparse_initializer(0).values().name()));
  }
  for (const onnx::TensorProto& tensor : proto_.initializer()) {
    auto value = import_tensor(tensor, directory_, fmt::format("initializer '{}'", tensor.name()), &budget_);
    if (!value) return value.status();
    if (Status status = define(tensor.name(), graph_.add_value(std::move(*value)), "initializer"); !status) {
      return status;
    }
  }
  return {};
}

Result<Value> read_input(const onnx::ValueInfoProto& info) {
  const auto error = [&](std::string_view rule) {
    return Status::error(fmt::format("input '{}': {}", info.name(), rule));
  };
  if (!info.type().has_tensor_type()) return error("not a tensor");
  const auto& type = info.type().tensor_type();
  const auto dtype = same_dtype(type.elem_type());
  if (!dtype) {
    return error(fmt::format("type {}: supported are float, uint8, int8, int32, int64 and bool",
                             name_of_onnx_type(type.elem_type())));
  }
  Value value;
  value.name = info.name();
  value.dtype = *dtype;
  if (!type.has_shape()) return value;
  if (type.shape().dim_size() > Shape::kMaxRank) {
    return error(fmt::format("rank {}: must be at most {}", type.shape().dim_size(), Shape::kMaxRank));
  }
  for (const auto& dim : type.shape().dim()) {
    // A named or missing size is bound later; some exporters write -1 for it.
    const std::int64_t size = dim.has_dim_value() ? dim.dim_value() : Shape::kUnknown;
    if (size == 0) return error(fmt::format("size 0 at axis {}: must be at least 1", value.shape.rank()));
    value.shape.push_back(size < 0 ? Shape::kUnknown : size);
  }
  if (!has_sane_size(value.shape)) return error(fmt::format("shape {}: too many elements", to_string(value.shape)));
  value.shape_known = true;
  return value;
}

Status Importer::read_inputs() {
  for (const onnx::ValueInfoProto& info : proto_.input()) {
    const auto found = ids_.find(info.name());
    // Up to IR version 3 every initializer is listed as input too; later that makes it a default value.
    if (found != ids_.end() && graph_[found->second].is_constant()) continue;
    auto value = read_input(info);
    if (!value) return value.status();
    const ValueId id = graph_.add_value(std::move(*value));
    if (Status status = define(info.name(), id, "input"); !status) return status;
    graph_.inputs.push_back(id);
  }
  return {};
}

// ONNX asks for sorted nodes and not every tool obeys. Sorted here rather than after the import, so
// that a rule sees its inputs as they are; the graph that is sorted has names only.
Result<std::vector<std::int32_t>> Importer::node_order() const {
  Graph names;
  std::unordered_map<std::string_view, ValueId> ids;
  const auto id_of = [&](const std::string& name) {
    const auto [entry, is_new] = ids.emplace(name, static_cast<ValueId>(names.values.size()));
    if (is_new) {
      Value value;
      value.name = name;
      names.add_value(std::move(value));
    }
    return entry->second;
  };
  for (const auto& [name, id] : ids_) names.inputs.push_back(id_of(name));
  std::unordered_set<std::string_view> made;
  for (const onnx::NodeProto& proto : proto_.node()) {
    Node node;
    node.name = name_of(proto);
    for (const std::string& input : proto.input()) node.inputs.push_back(input.empty() ? kNone : id_of(input));
    for (const std::string& output : proto.output()) {
      if (output.empty()) continue;
      if (ids_.count(output) > 0 || !made.insert(output).second) {
        return Status::error(
            fmt::format("node '{}' makes '{}': the name stands for another value already", node.name, output));
      }
      node.outputs.push_back(id_of(output));
    }
    names.nodes.push_back(std::move(node));
  }
  return topological_order(names);
}

Status Importer::fill_context(const onnx::NodeProto& node) {
  for (const std::string& input : node.input()) {
    context_.inputs.push_back(input.empty() ? kNone : ids_.at(input));
  }
  // Trailing absent inputs are the same as none.
  while (!context_.inputs.empty() && context_.inputs.back() == kNone) context_.inputs.pop_back();
  for (const std::string& output : node.output()) {
    const bool wanted = context_.output_names.empty() || read_names_.count(output) > 0;
    context_.output_names.push_back(wanted ? output : std::string());
  }
  if (context_.output_names.empty()) return context_.error("has no outputs");
  return import_attributes(node, directory_, context_, &budget_);
}

Status Importer::read_node(const onnx::NodeProto& node) {
  context_.start(name_of(node), node.op_type(), node.domain());
  if (Status status = refuse_subgraphs(node, context_); !status) return status;
  const OnnxRule* rule = find_onnx_rule(node.domain(), node.op_type());
  if (!rule) {
    return Status::error(fmt::format("node '{}': op {}{}{} is not supported; supported are {}", context_.name,
                                     node.domain(), node.domain().empty() ? "" : ".", node.op_type(),
                                     known_onnx_ops()));
  }
  const bool changed = std::count(std::begin(kChangedEarly), std::end(kChangedEarly), node.op_type()) > 0;
  if (changed && context_.opset < kUnchangedSince) {
    return context_.error(
        fmt::format("its form of opset {}: supported since opset {}", context_.opset, kUnchangedSince));
  }
  if (Status status = fill_context(node); !status) return status;

  const std::size_t first = graph_.nodes.size(), first_value = graph_.values.size();
  const Status imported = rule->import(context_);
  if (!context_.misread()) return context_.misread();  // likely the cause of what the rule complains about
  if (!imported) return imported;
  if (Status status = budget_.spend_computed(context_, first_value); !status) return status;
  for (std::size_t index = first; index < graph_.nodes.size(); ++index) {
    if (Status status = infer_node(graph_, graph_.nodes[index]); !status) return status;
    if (node.doc_string().starts_with(kReasonMark)) {
      graph_.nodes[index].reason = node.doc_string().substr(kReasonMark.size());
    }
  }
  for (int index = 0; index < node.output_size(); ++index) {
    const auto at = static_cast<std::size_t>(index);
    if (at < context_.outputs.size() && !node.output(index).empty()) {
      ids_.emplace(node.output(index), context_.outputs[at]);
    }
  }
  return {};
}

Status Importer::read_nodes() {
  auto order = node_order();
  if (!order) return order.status();
  for (const onnx::NodeProto& node : proto_.node()) read_names_.insert(node.input().begin(), node.input().end());
  for (const onnx::ValueInfoProto& info : proto_.output()) read_names_.insert(info.name());
  for (std::int32_t index : *order) {
    if (Status status = read_node(proto_.node(index)); !status) return status;
  }
  return {};
}

// The value under the name by which callers know it. Identity and Dropout give one value several
// names; what has a name of its own already (an input, a constant, another output) is copied.
ValueId Importer::as_output(ValueId id, const std::string& name) {
  if (graph_[id].name == name) return id;
  const bool is_input = std::find(graph_.inputs.begin(), graph_.inputs.end(), id) != graph_.inputs.end();
  if (!is_input && !graph_[id].is_constant() && !graph_.is_output(id)) {
    graph_[id].name = name;
    return id;
  }
  Value copy = graph_[id];
  copy.name = name;
  const ValueId copied = graph_.add_value(std::move(copy));
  if (!graph_[id].is_constant()) {
    Node node;  // a view that adds no axis
    node.name = name;
    node.op = Op::Reshape;
    node.inputs = {id};
    node.outputs = {copied};
    node.attrs = ReshapeAttrs{ReshapeAttrs::Kind::unsqueeze, {}, false};
    graph_.nodes.push_back(std::move(node));
  }
  return copied;
}

Status Importer::read_outputs() {
  if (proto_.output_size() == 0) return Status::error("the model's graph has no outputs");
  std::unordered_set<std::string_view> seen;
  for (const onnx::ValueInfoProto& info : proto_.output()) {
    const auto found = ids_.find(info.name());
    if (found == ids_.end()) return Status::error(fmt::format("output '{}' is made by no node", info.name()));
    if (!seen.insert(info.name()).second) {
      return Status::error(fmt::format("output '{}' is declared twice", info.name()));
    }
    graph_.outputs.push_back(as_output(found->second, info.name()));
  }
  return {};
}

}  // namespace

Result<Graph> import_onnx(std::span<const std::byte> bytes, const std::filesystem::path& directory,
                          const ModelLimits& limits) {
  LoadBudget budget(limits);
  if (Status status = budget.check_file(bytes.size()); !status) return status;
  if (bytes.empty()) return Status::error("the file is empty: not an ONNX model");
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
    return Status::error(
        fmt::format("the model has {} bytes: an ONNX file must be below {}, larger tensors lie beside it", bytes.size(),
                    std::numeric_limits<int>::max()));
  }
  onnx::ModelProto model;
  google::protobuf::io::CodedInputStream stream(reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                                static_cast<int>(bytes.size()));
  stream.SetRecursionLimit(budget.max_depth());
  if (!model.ParseFromCodedStream(&stream) || !stream.ConsumedEntireMessage()) {
    return Status::error(
        fmt::format("not an ONNX model, or a truncated one: its protobuf message is broken, or nested "
                    "deeper than the {} that ModelLimits::max_depth allows",
                    budget.max_depth()));
  }
  // Almost any bytes are a protobuf message of unknown fields.
  if (!model.has_graph()) return Status::error("not an ONNX model: it holds no graph");
  return Importer(model, directory, budget).run();
}

}  // namespace octet::graph
