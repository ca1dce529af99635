// SPDX-License-Identifier: Apache-2.0
// What the graph knows of each op: how it is written in ONNX, which shape it gives, how it folds.
#pragma once

#include <octet/status.h>

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
// ONNX ops that become no node, or nodes of other ops.
extern const std::span<const OnnxRule> nodeless_rules, composed_rules, composed_activation_rules, composed_image_rules,
    qoperator_rules, contrib_qoperator_rules;
// All rules there are.
std::vector<const OnnxRule*> onnx_rules();
// The import rule for an ONNX op, or nullptr.
const OnnxRule* find_onnx_rule(std::string_view domain, std::string_view op_type);
// The known op types nearest to what was asked for, for error messages: "Conv, Gemm, ...".
std::string known_onnx_ops();

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
