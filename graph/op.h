// SPDX-License-Identifier: Apache-2.0
// What the graph knows of each op: how it is written in ONNX, which shape it gives, how it folds.
#pragma once

#include <octet/status.h>

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"
#include "graph/import/onnx_node.h"

namespace octet::graph {

// How one ONNX op type becomes nodes. Registered by the op it (mostly) becomes.
struct OnnxRule {
  const char* op_type;
  Status (*import)(ImportContext&);
  const char* limits = "";  // what of ONNX's definition it refuses, as docs/operators.md prints it
  const char* domain = "";  // "" is ai.onnx
};

struct OpSchema {
  std::span<const OnnxRule> onnx;
  // Sets dtype, shape and shape_known of the outputs from the inputs, checks every rule that depends
  // on them, and resolves attributes that hang on constant inputs or known sizes (auto_pad, Slice
  // starts ...). Unknown dimensions (-1) stay unknown in the result.
  Status (*infer)(Graph&, Node&);
  // Computes the outputs if all inputs are constant (shape arithmetic, elementwise constants, data
  // movement); nullptr where folding is never needed. Returns false if this case is not foldable.
  bool (*fold)(Graph&, Node&) = nullptr;
};

#define OCTET_OP(Name, stem, runs) extern const OpSchema stem##_schema;
#include "graph/ops.def"
#undef OCTET_OP

const OpSchema& schema_of(Op op);
// ONNX ops that become no node, and those that octet writes for dynamic products.
extern const std::span<const OnnxRule> nodeless_rules, integer_product_rules;
// The rules of all ops, then `more`.
std::vector<const OnnxRule*> rules_with(std::initializer_list<std::span<const OnnxRule>> more);
// The one of these for an ONNX op, or nullptr.
const OnnxRule* find_rule(std::span<const OnnxRule* const> rules, std::string_view domain, std::string_view op_type);
// Among those that octet itself writes, which are what compiled models hold. What files of others need besides is in
// graph/import/rules.h, and in no product.
const OnnxRule* find_stored_rule(std::string_view domain, std::string_view op_type);

// Error "node 'conv1' (Conv2d): <rule>".
Status node_error(const Node& node, std::string_view rule);

// False if an axis or the number of elements is beyond what a machine can hold. Where it is true no
// product of dimensions with a handful of bytes overflows.
bool has_sane_size(const Shape& shape);
// Runs `infer` on one node and then checks that every output has a sane size.
Status infer_node(Graph& graph, Node& node);
// Runs infer_node over all nodes in order.
Status infer_shapes(Graph& graph);

}  // namespace octet::graph
