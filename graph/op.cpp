// SPDX-License-Identifier: Apache-2.0
#include "graph/op.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

namespace octet::graph {
namespace {

const OpSchema* const kSchemas[] = {
#define OCTET_OP(Name, stem, runs) &stem##_schema,
#include "graph/ops.def"
#undef OCTET_OP
};

// Any model fits, and no product of a size with a handful of bytes comes near the end of int64.
constexpr std::int64_t kMostElements = std::int64_t{1} << 40;
constexpr std::int64_t kMostPerAxis = std::numeric_limits<std::int32_t>::max();

}  // namespace

bool has_sane_size(const Shape& shape) {
  std::int64_t elements = 1;
  for (std::int64_t dim : shape) {
    if (dim > kMostPerAxis) return false;
    if (dim < 1) continue;  // unknown or empty
    if (elements > kMostElements / dim) return false;
    elements *= dim;
  }
  return true;
}

const OpSchema& schema_of(Op op) { return *kSchemas[static_cast<std::size_t>(op)]; }

std::vector<const OnnxRule*> rules_with(std::initializer_list<std::span<const OnnxRule>> more) {
  std::vector<const OnnxRule*> rules;
  const auto append = [&](std::span<const OnnxRule> part) {
    for (const OnnxRule& rule : part) rules.push_back(&rule);
  };
  for (const OpSchema* schema : kSchemas) append(schema->onnx);
  for (const auto& part : more) append(part);
  return rules;
}

const OnnxRule* find_rule(std::span<const OnnxRule* const> rules, std::string_view domain, std::string_view op_type) {
  if (domain == "ai.onnx") domain = "";
  const auto found = std::find_if(rules.begin(), rules.end(), [&](const OnnxRule* rule) {
    return rule->op_type == op_type && rule->domain == domain;
  });
  return found == rules.end() ? nullptr : *found;
}

const OnnxRule* find_stored_rule(std::string_view domain, std::string_view op_type) {
  static const std::vector<const OnnxRule*> rules = rules_with({nodeless_rules, integer_product_rules});
  return find_rule(rules, domain, op_type);
}

Status node_error(const Node& node, std::string_view rule) {
  return Status::error(fmt::format("node '{}' ({}): {}", node.name, name_of(node.op), rule));
}

Status infer_node(Graph& graph, Node& node) {
  if (Status status = schema_of(node.op).infer(graph, node); !status) return status;
  for (ValueId id : node.outputs) {
    const Value& value = graph[id];
    if (value.shape_known && !has_sane_size(value.shape)) {
      return node_error(node, fmt::format("output shape {}: above the limit of {} per axis and {} elements",
                                          to_string(value.shape), kMostPerAxis, kMostElements));
    }
  }
  return {};
}

Status infer_shapes(Graph& graph) {
  for (ValueId id : graph.inputs) {
    if (graph[id].shape_known && !has_sane_size(graph[id].shape)) {
      return Status::error(fmt::format("input '{}': shape {}: above the limit of {} per axis and {} elements",
                                       graph[id].name, to_string(graph[id].shape), kMostPerAxis, kMostElements));
    }
  }
  for (Node& node : graph.nodes) {
    if (Status status = infer_node(graph, node); !status) return status;
  }
  return {};
}

}  // namespace octet::graph
