// SPDX-License-Identifier: Apache-2.0
// Short ways to import a built model and to look at the graph.
#pragma once

#include <algorithm>
#include <string>

#include "graph/import/onnx.h"
#include "graph/op.h"
#include "tests/support/catch.h"
#include "tests/support/onnx_builder.h"

namespace octet::tests {

inline graph::Graph imported(const OnnxBuilder& model) {
  const std::string bytes = model.bytes();
  auto result = graph::import_onnx(as_bytes(bytes), {});
  INFO(result.status().message());
  REQUIRE(result.ok());
  return std::move(*result);
}

// The sentence with which a model is refused; empty if it is not.
inline std::string refusal(const OnnxBuilder& model) {
  const std::string bytes = model.bytes();
  return graph::import_onnx(as_bytes(bytes), {}).status().message();
}

inline const graph::Value& value_named(const graph::Graph& graph, const std::string& name) {
  const auto found = std::find_if(graph.values.begin(), graph.values.end(),
                                  [&](const graph::Value& value) { return value.name == name; });
  INFO("value " << name);
  REQUIRE(found != graph.values.end());
  return *found;
}

// The shape of a value as text; "?" if not even its rank is known.
inline std::string shape_named(const graph::Graph& graph, const std::string& name) {
  const graph::Value& value = value_named(graph, name);
  return value.shape_known ? to_string(value.shape) : "?";
}

// The ops of all nodes in order: "Conv2d Unary".
inline std::string ops_of(const graph::Graph& graph) {
  std::string text;
  for (const graph::Node& node : graph.nodes) {
    if (!text.empty()) text += ' ';
    text += name_of(node.op);
  }
  return text;
}

}  // namespace octet::tests
