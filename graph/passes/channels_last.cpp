// SPDX-License-Identifier: Apache-2.0
// Images lie channels-last wherever a spatial op touches them, and stay so until a node needs them
// otherwise. A plain CNN is transposed once at its input and not at all behind its last pool.
//
//   x -> Conv2d -> Unary -> Pool(global) -> Flatten -> Dense -> y          (n, c, h, w) all along
//   becomes
//   x -> Transpose -> Conv2d -> Unary -> Pool(global) -> Reshape -> Dense -> y   (n, h, w, c) in between
#include "graph/passes/channels_last.h"

#include <fmt/format.h>

#include "graph/passes/derived_constant.h"
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

Shape transposed(const Shape& shape, const Perm& perm) {
  Shape result;
  for (std::int64_t axis : perm) result.push_back(shape[static_cast<int>(axis)]);
  return result;
}

}  // namespace

Perm to_channels_last(int rank) {
  Perm perm{0};
  for (int axis = 2; axis < rank; ++axis) perm.push_back(axis);
  perm.push_back(1);
  return perm;
}

Perm to_channels_first(int rank) {
  Perm perm{0, rank - 1};
  for (int axis = 1; axis < rank - 1; ++axis) perm.push_back(axis);
  return perm;
}

std::int64_t axis_in_channels_last(std::int64_t axis, int rank) {
  return axis == 0 ? 0 : axis == 1 ? rank - 1 : axis - 1;
}

Perm composed(const Perm& first, const Perm& second) {
  Perm perm;
  for (std::int64_t axis : second) perm.push_back(first[static_cast<std::size_t>(axis)]);
  return perm;
}

bool is_view(const Shape& from, const Perm& perm) {
  std::int64_t previous = -1;
  for (std::int64_t axis : perm) {
    if (from[static_cast<int>(axis)] == 1) continue;
    if (axis < previous) return false;
    previous = axis;
  }
  return true;
}

Layouts::Layouts(Graph& g) : graph(g), made_(g.values.size(), false), last_(g.values.size(), kNone) {
  for (ValueId id : g.inputs) made_[static_cast<std::size_t>(id)] = true;
  for (std::size_t v = 0; v < g.values.size(); ++v) {
    if (g.values[v].is_constant()) made_[v] = true;
  }
}

ValueId Layouts::add_value(Value value) {
  made_.push_back(value.is_constant());
  last_.push_back(kNone);
  return graph.add_value(std::move(value));
}

ValueId Layouts::add_like(ValueId model, const Shape& shape, const char* suffix) {
  Value value = graph[model];
  value.name = fmt::format("{}/{}", value.name, suffix);
  value.shape = shape;
  value.data = nullptr;
  return add_value(std::move(value));
}

void Layouts::emit(Node node) {
  for (ValueId id : node.outputs) {
    if (id != kNone) made_[static_cast<std::size_t>(id)] = true;
  }
  nodes.push_back(std::move(node));
}

void Layouts::emit_reshape(ValueId from, ValueId to) {
  const Shape shape = graph[to].shape;
  const std::string name = fmt::format("{}/view", graph[to].name);
  const ValueId target =
      add_value(Graph::make_constant(name + "/shape", DType::s64, Shape{shape.rank()}, std::as_bytes(shape.dims())));
  ReshapeAttrs attrs;
  attrs.allow_zero = true;  // a size of 0 is one, not a copy
  emit({name, Op::Reshape, {from, target}, {to}, attrs, {}});
}

void Layouts::emit_transpose(ValueId from, ValueId to, const Perm& perm) {
  if (is_view(graph[from].shape, perm)) return emit_reshape(from, to);
  emit({fmt::format("{}/transpose", graph[to].name), Op::Transpose, {from}, {to}, TransposeAttrs{perm}, {}});
}

ValueId Layouts::first(ValueId value) {
  if (value != kNone && !has_first(value) && has_last(value))
    emit_transpose(last_[static_cast<std::size_t>(value)], value, to_channels_first(graph[value].shape.rank()));
  return value;
}

ValueId Layouts::new_last(ValueId value) {
  const int rank = graph[value].shape.rank();
  const ValueId id = add_like(value, transposed(graph[value].shape, to_channels_last(rank)), "channels_last");
  if (Quant& quant = graph[id].quant; quant.axis >= 0)
    quant.axis = static_cast<int>(axis_in_channels_last(quant.axis, rank));
  know_last(value, id);
  return id;
}

ValueId Layouts::last(ValueId value) {
  if (has_last(value)) return last_[static_cast<std::size_t>(value)];
  const Perm perm = to_channels_last(graph[value].shape.rank());
  if (graph[value].is_constant()) {
    know_last(value, add_value(permuted(graph[value], perm)));
  } else {
    const ValueId to = new_last(value);
    emit_transpose(value, to, perm);
  }
  return last_[static_cast<std::size_t>(value)];
}

ValueId Layouts::last_for_broadcast(ValueId value, int rank) {
  const Shape& shape = graph[value].shape;
  if (shape.rank() == rank) return last(value);
  if (shape.count() == 1 && shape.rank() <= 1) return first(value);
  ValueId& wide = widened_.emplace(std::pair(value, rank), kNone).first->second;
  if (wide == kNone) {
    Shape padded;
    for (int axis = shape.rank(); axis < rank; ++axis) padded.push_back(1);
    for (std::int64_t dim : shape) padded.push_back(dim);
    if (graph[value].is_constant()) {
      wide = add_value(reshaped(graph[value], padded));
      if (Quant& quant = graph[wide].quant; quant.axis >= 0) quant.axis += rank - graph[value].shape.rank();
    } else {
      wide = add_like(value, padded, "widened");
      emit_reshape(first(value), wide);
    }
  }
  return last(wide);
}

Status use_channels_last(Graph& graph) {
  Layouts layouts(graph);
  ChannelsLastOps ops(layouts);
  for (const Node& node : graph.nodes) {
    if (ops.write(node)) continue;
    for (ValueId input : node.inputs) layouts.first(input);
    layouts.emit(node);
  }
  for (ValueId output : graph.outputs) layouts.first(output);
  graph.nodes = std::move(layouts.nodes);
  return {};
}

}  // namespace octet::graph
