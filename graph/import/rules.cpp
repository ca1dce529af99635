// SPDX-License-Identifier: Apache-2.0
#include "graph/import/rules.h"

#include <fmt/format.h>

#include <algorithm>

namespace octet::graph {

std::vector<const OnnxRule*> onnx_rules() {
  return rules_with({nodeless_rules, composed_rules, composed_activation_rules, composed_image_rules, qoperator_rules,
                     contrib_qoperator_rules});
}

const OnnxRule* find_onnx_rule(std::string_view domain, std::string_view op_type) {
  static const std::vector<const OnnxRule*> rules = onnx_rules();
  return find_rule(rules, domain, op_type);
}

std::string known_onnx_ops() {
  std::vector<std::string> names;
  for (const OnnxRule* rule : onnx_rules()) {
    const std::string_view domain = rule->domain;
    names.push_back(domain.empty() ? rule->op_type : fmt::format("{}.{}", domain, rule->op_type));
  }
  std::sort(names.begin(), names.end());
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace octet::graph
