// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "graph/import/onnx_node.h"

namespace octet::graph {
namespace {

const char* name_of(OnnxAttribute::Kind kind) {
  switch (kind) {
    case OnnxAttribute::Kind::integer:
      return "an integer";
    case OnnxAttribute::Kind::real:
      return "a float";
    case OnnxAttribute::Kind::text:
      return "a string";
    case OnnxAttribute::Kind::integers:
      return "a list of integers";
    case OnnxAttribute::Kind::reals:
      return "a list of floats";
    case OnnxAttribute::Kind::texts:
      return "a list of strings";
    case OnnxAttribute::Kind::tensor:
      return "a tensor";
    case OnnxAttribute::Kind::other:
      break;
  }
  return "of another kind";
}

// Ops behind which weights may stand in a model file: all of them move or rescale constants.
bool keeps_weights(Op op) {
  switch (op) {
    case Op::Quantize:
    case Op::Dequantize:
    case Op::Transpose:
    case Op::Reshape:
    case Op::Cast:
    case Op::Binary:
    case Op::Unary:
      return true;
    default:
      return false;
  }
}

}  // namespace

void ImportContext::start(std::string node_name, std::string type, std::string type_domain) {
  name = std::move(node_name);
  op_type = std::move(type);
  domain = std::move(type_domain);
  inputs.clear();
  output_names.clear();
  outputs.clear();
  attributes.clear();
  misread_ = {};
}

const OnnxAttribute* ImportContext::find(std::string_view attribute, OnnxAttribute::Kind kind) const {
  const auto found = attributes.find(attribute);
  if (found == attributes.end()) return nullptr;
  if (found->second.kind == kind) return &found->second;
  if (misread_) {
    misread_ =
        error(fmt::format("attribute '{}' is {}: must be {}", attribute, name_of(found->second.kind), name_of(kind)));
  }
  return nullptr;
}

std::int64_t ImportContext::integer(std::string_view attribute, std::int64_t otherwise) const {
  const OnnxAttribute* found = find(attribute, OnnxAttribute::Kind::integer);
  return found ? found->integer : otherwise;
}

float ImportContext::real(std::string_view attribute, float otherwise) const {
  const OnnxAttribute* found = find(attribute, OnnxAttribute::Kind::real);
  return found ? found->real : otherwise;
}

std::string ImportContext::text(std::string_view attribute, std::string_view otherwise) const {
  const OnnxAttribute* found = find(attribute, OnnxAttribute::Kind::text);
  return found ? found->text : std::string(otherwise);
}

std::vector<std::int64_t> ImportContext::integers(std::string_view attribute) const {
  const OnnxAttribute* found = find(attribute, OnnxAttribute::Kind::integers);
  return found ? found->integers : std::vector<std::int64_t>();
}

Status ImportContext::expect_inputs(std::size_t least, std::size_t most) const {
  if (inputs.size() < least || inputs.size() > most) {
    return error(fmt::format("{} input{}: must be {}", inputs.size(), inputs.size() == 1 ? "" : "s",
                             least == most ? fmt::to_string(least) : fmt::format("{} to {}", least, most)));
  }
  for (std::size_t index = 0; index < least; ++index) {
    if (inputs[index] == kNone) return error(fmt::format("input {} is absent: it is not optional", index));
  }
  return {};
}

const Node* ImportContext::producer(ValueId value) const {
  const auto index = static_cast<std::size_t>(value);
  if (value == kNone || index >= producers_.size() || producers_[index] < 0) return nullptr;
  return &graph.nodes[static_cast<std::size_t>(producers_[index])];
}

bool ImportContext::is_weight(ValueId value) const {
  // Real files have one or two nodes between the stored weights and their reader; the bound keeps a
  // hostile one from making this quadratic.
  for (int steps = 0; steps < 8; ++steps) {
    if (graph[value].is_constant()) return true;
    const Node* node = producer(value);
    if (!node || !keeps_weights(node->op)) return false;
    for (std::size_t index = 1; index < node->inputs.size(); ++index) {
      if (node->has_input(index) && !graph.input(*node, index).is_constant()) return false;
    }
    value = node->inputs[0];
  }
  return false;
}

void ImportContext::append(Node node) {
  producers_.resize(graph.values.size(), -1);
  for (ValueId id : node.outputs) {
    producers_[static_cast<std::size_t>(id)] = static_cast<std::int32_t>(graph.nodes.size());
  }
  graph.nodes.push_back(std::move(node));
}

Status ImportContext::emit(Op op, std::vector<ValueId> node_inputs, Attrs attrs) {
  const std::size_t count = op == Op::Split ? output_names.size() : op == Op::DynamicQuantize ? 3 : 1;
  for (std::size_t index = count; index < output_names.size(); ++index) {
    if (!output_names[index].empty()) {
      return error(fmt::format("output {} ('{}') is used: only output 0 is supported", index, output_names[index]));
    }
  }
  outputs.clear();
  for (std::size_t index = 0; index < count; ++index) {
    Value value;
    value.name = index < output_names.size() ? output_names[index] : std::string();
    if (value.name.empty()) value.name = fmt::format("{}/output{}", name, index);
    outputs.push_back(graph.add_value(std::move(value)));
  }
  Node node;
  node.name = name;
  node.op = op;
  node.inputs = std::move(node_inputs);
  node.outputs = outputs;
  node.attrs = std::move(attrs);
  append(std::move(node));
  return {};
}

ValueId ImportContext::emit_step(Op op, std::string_view suffix, std::vector<ValueId> node_inputs, Attrs attrs) {
  Value value;
  value.name = fmt::format("{}/{}", name, suffix);
  const ValueId id = graph.add_value(std::move(value));
  Node node;
  node.name = graph[id].name;
  node.op = op;
  node.inputs = std::move(node_inputs);
  node.outputs = {id};
  node.attrs = std::move(attrs);
  append(std::move(node));
  return id;
}

Status ImportContext::alias(ValueId value) {
  for (std::size_t index = 1; index < output_names.size(); ++index) {
    if (!output_names[index].empty()) {
      return error(fmt::format("output {} ('{}') is used: only output 0 is supported", index, output_names[index]));
    }
  }
  outputs = {value};
  return {};
}

Status ImportContext::error(std::string_view rule) const {
  return Status::error(fmt::format("node '{}' ({}): {}", name, op_type, rule));
}

Status ImportContext::unsupported(std::string_view attribute, std::string_view value,
                                  std::string_view supported) const {
  return error(fmt::format("attribute '{}' = {}: {}", attribute, value, supported));
}

}  // namespace octet::graph
