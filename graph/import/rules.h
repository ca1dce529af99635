// SPDX-License-Identifier: Apache-2.0
// Every ONNX op that octet reads: those that it writes itself (graph/op.h), and those that become others.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "graph/op.h"

namespace octet::graph {

extern const std::span<const OnnxRule> composed_rules, composed_activation_rules, composed_image_rules, qoperator_rules,
    contrib_qoperator_rules;
// All rules there are.
std::vector<const OnnxRule*> onnx_rules();
// The import rule for an ONNX op, or nullptr.
const OnnxRule* find_onnx_rule(std::string_view domain, std::string_view op_type);
// All op types, for error messages: "Abs, Add, ...".
std::string known_onnx_ops();

}  // namespace octet::graph
