// SPDX-License-Identifier: Apache-2.0
// An ONNX node without protobuf: what import rules in graph/ops/ read. Filled by graph/import/onnx.cpp;
// the methods are in graph/import_context.cpp, which needs no protobuf either.
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

struct OnnxAttribute {
  enum class Kind : std::uint8_t { integer, real, text, integers, reals, texts, tensor, other } kind = Kind::other;
  std::int64_t integer = 0;
  float real = 0;
  std::string text;
  std::vector<std::int64_t> integers;
  std::vector<float> reals;
  std::vector<std::string> texts;
  Value tensor;  // a constant
};

// One node being imported: its attributes, its inputs as values, and the graph that grows.
class ImportContext {
 public:
  Graph& graph;
  std::string op_type, domain, name;
  int opset = 13;
  std::vector<ValueId> inputs;             // kNone where the name is empty
  std::vector<std::string> output_names;   // "" where unused
  std::vector<ValueId> outputs;            // filled by emit() / alias(), one per output_names
  std::map<std::string, OnnxAttribute, std::less<>> attributes;

  explicit ImportContext(Graph& g) : graph(g) {}

  std::int64_t integer(std::string_view attribute, std::int64_t otherwise) const;
  float real(std::string_view attribute, float otherwise) const;
  std::string text(std::string_view attribute, std::string_view otherwise) const;
  std::vector<std::int64_t> integers(std::string_view attribute) const;  // empty if absent
  bool has(std::string_view attribute) const { return attributes.contains(attribute); }
  bool has_input(std::size_t index) const { return index < inputs.size() && inputs[index] != kNone; }
  // Error unless there are `least` to `most` inputs and the first `least` are present.
  Status expect_inputs(std::size_t least, std::size_t most) const;
  // The node that makes `value`; nullptr for constants and graph inputs.
  const Node* producer(ValueId value) const;
  // A constant, or made of constants alone by moving, (de)quantizing or scaling them: weights.
  bool is_weight(ValueId value) const;

  // Appends a node that makes this ONNX node's outputs. Only Split and DynamicQuantize have more than one.
  Status emit(Op op, std::vector<ValueId> node_inputs, Attrs attrs);
  // Appends a node with one fresh intermediate output, "<name>/<suffix>".
  ValueId emit_step(Op op, std::string_view suffix, std::vector<ValueId> node_inputs, Attrs attrs);
  // Output 0 is another name of `value` (Identity, Dropout).
  Status alias(ValueId value);
  // "node 'conv1' (Conv): <rule>"
  Status error(std::string_view rule) const;
  // error("attribute 'x' = 3: <supported>")
  Status unsupported(std::string_view attribute, std::string_view value, std::string_view supported) const;

  // Makes the context that of the next ONNX node; the graph and what is known of it stay.
  void start(std::string node_name, std::string type, std::string type_domain);
  // The first attribute that was read as a kind that it is not; the importer asks after each rule.
  const Status& misread() const { return misread_; }

 private:
  const OnnxAttribute* find(std::string_view attribute, OnnxAttribute::Kind kind) const;
  void append(Node node);

  std::vector<std::int32_t> producers_;  // (values) index of the node that makes it, -1 for none
  mutable Status misread_;
};

}  // namespace octet::graph
