// SPDX-License-Identifier: Apache-2.0
// What a model means: values and nodes in two vectors, joined by indices, no pointers between nodes.
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "graph/attrs.h"

namespace octet::graph {

enum class Op : std::uint8_t {
#define OCTET_OP(Name, stem, runs) Name,
#include "graph/ops.def"
#undef OCTET_OP
};
const char* name_of(Op op) noexcept;

using ValueId = std::int32_t;
constexpr ValueId kNone = -1;  // an optional input that is absent

// A tensor: activation, input, or constant. A quantized value has dtype u8, s8 (or s32 for a bias)
// and a Quant with at least one scale.
struct Value {
  std::string name;
  DType dtype = DType::f32;
  Shape shape;
  bool shape_known = false;  // false until inferred: the rank itself is unknown
  Quant quant;               // empty scale: plain numbers
  std::int32_t relabelled = 0;  // what lower() has added to the model's codes: 0, 128 or -128
  std::shared_ptr<const std::byte[]> data;  // constant: shape.count() elements of dtype, little-endian

  bool is_constant() const noexcept { return data != nullptr; }
  bool is_quantized() const noexcept { return !quant.scale.empty(); }
  // The elements of a constant; T must match dtype.
  template <class T>
  std::span<const T> as() const noexcept {
    return {reinterpret_cast<const T*>(data.get()), static_cast<std::size_t>(shape.count())};
  }
};

struct Node {
  std::string name;  // the ONNX node's name (its first output's name where it has none)
  Op op = Op::Reshape;
  std::vector<ValueId> inputs;   // kNone where an optional input is absent
  std::vector<ValueId> outputs;
  Attrs attrs;
  std::string reason;  // why this op stays in fp32 inside a quantized model; empty otherwise

  template <class T>
  T& as() { return std::get<T>(attrs); }
  template <class T>
  const T& as() const { return std::get<T>(attrs); }
  bool has_input(std::size_t index) const { return index < inputs.size() && inputs[index] != kNone; }
};

// Invariant: `nodes` is in topological order, each value has at most one producer, and constants
// and graph inputs have none. Passes keep it.
struct Graph {
  std::string name;
  std::vector<Value> values;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs;   // in the model's declared order
  std::vector<ValueId> outputs;  // likewise

  Value& operator[](ValueId id) { return values[static_cast<std::size_t>(id)]; }
  const Value& operator[](ValueId id) const { return values[static_cast<std::size_t>(id)]; }
  Value& input(const Node& node, std::size_t index) { return (*this)[node.inputs[index]]; }
  const Value& input(const Node& node, std::size_t index) const { return (*this)[node.inputs[index]]; }
  Value& output(const Node& node, std::size_t index = 0) { return (*this)[node.outputs[index]]; }
  const Value& output(const Node& node, std::size_t index = 0) const { return (*this)[node.outputs[index]]; }

  ValueId add_value(Value value);
  // A constant of `shape` holding a copy of `elements`.
  template <class T>
  ValueId add_constant(std::string label, DType dtype, const Shape& shape, std::span<const T> elements) {
    return add_value(make_constant(std::move(label), dtype, shape, std::as_bytes(elements)));
  }
  static Value make_constant(std::string label, DType dtype, const Shape& shape, std::span<const std::byte> bytes);

  bool is_output(ValueId id) const;
};

// Who makes and who reads each value; a snapshot, rebuilt by a pass after it has changed the graph.
struct Uses {
  explicit Uses(const Graph& graph);
  std::vector<std::int32_t> producer;                // (values) index of the node, -1 for none
  std::vector<std::vector<std::int32_t>> consumers;  // (values) node indices, one entry per use
  bool only_one(ValueId id) const { return consumers[static_cast<std::size_t>(id)].size() == 1; }
};

// Replaces every use of `from` (also as graph output) by `to`. A graph output keeps its name: `to`
// takes it over unless it is a graph input, a constant or an output itself.
void replace_uses(Graph& graph, ValueId from, ValueId to);

// The indices of `nodes` in topological order, as near to the present one as possible; an error names
// a node that is part of a cycle or reads a value that nobody makes.
Result<std::vector<std::int32_t>> topological_order(const Graph& graph);
// Puts nodes into topological order; an error names a node that is part of a cycle or reads a value
// that nobody makes.
Status sort_nodes(Graph& graph);

}  // namespace octet::graph
