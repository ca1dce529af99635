// SPDX-License-Identifier: Apache-2.0
// Tile and Expand: axes repeat, by numbers or to a shape that is given.
#include <fmt/format.h>

#include <algorithm>

#include "graph/broadcast.h"
#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

template <bool expand>
Status import_tile(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  return context.emit(Op::Tile, context.inputs, TileAttrs{expand});
}

Status infer_expand(Graph& graph, const Node& node, const Value& x, const Dims& target) {
  if (target.size() > static_cast<std::size_t>(Shape::kMaxRank))
    return node_error(node, fmt::format("target of rank {}: must be at most {}", target.size(), Shape::kMaxRank));
  const auto shape = broadcast(x.shape, Shape(target));
  if (!shape || std::any_of(target.begin(), target.end(), [](std::int64_t dim) { return dim < 0; })) {
    return node_error(node,
                      fmt::format("shape {} cannot be broadcast to {}", to_string(x.shape), to_string(Shape(target))));
  }
  return set_output(graph, node, 0, x.dtype, to_dims(*shape));
}

Status infer_tile(Graph& graph, const Node& node, const Value& x, const Dims& repeats) {
  if (repeats.size() != static_cast<std::size_t>(x.shape.rank()))
    return node_error(node, fmt::format("{} repeats: must be one per axis of {}", repeats.size(), to_string(x.shape)));
  Dims dims = to_dims(x.shape);
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (repeats[i] < 0) return node_error(node, fmt::format("repeat {} at axis {}: must be at least 0", repeats[i], i));
    if (dims[i] >= 0 && __builtin_mul_overflow(dims[i], repeats[i], &dims[i]))
      return node_error(node, fmt::format("repeat {} at axis {}: the size overflows", repeats[i], i));
  }
  return set_output(graph, node, 0, x.dtype, dims);
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  std::optional<Dims> given;
  if (Status status = read_integers(graph, node, 1, given); !status) return status;
  if (!given || !x.shape_known) return set_unknown(graph, node, x.dtype);
  return node.as<TileAttrs>().expand ? infer_expand(graph, node, x, *given) : infer_tile(graph, node, x, *given);
}

// Element (i, j ...) of the output is element (i mod size, j mod size ...) of the input.
bool fold(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  Value& y = graph.output(node);
  if (!uniform(x)) return false;
  const std::size_t size = size_of(x.dtype);
  const int rank = y.shape.rank(), missing = rank - x.shape.rank();
  const auto memory = allocate_elements(y);
  std::array<std::int64_t, Shape::kMaxRank> index{};
  for (std::int64_t i = 0, count = y.shape.count(); i < count; ++i) {
    std::int64_t from = 0;
    for (int axis = missing; axis < rank; ++axis)
      from = from * x.shape[axis - missing] + index[static_cast<std::size_t>(axis)] % x.shape[axis - missing];
    std::memcpy(memory.get() + static_cast<std::size_t>(i) * size, x.data.get() + static_cast<std::size_t>(from) * size,
                size);
    for (int axis = rank - 1; axis >= 0 && ++index[static_cast<std::size_t>(axis)] == y.shape[axis]; --axis)
      index[static_cast<std::size_t>(axis)] = 0;
  }
  return become_constant(y, x.dtype, memory, x.quant);
}

constexpr OnnxRule kRules[] = {
    {"Tile", import_tile<false>, "repeats must be known when a session is made"},
    {"Expand", import_tile<true>, "the shape must be known when a session is made"},
};

}  // namespace

const OpSchema tile_schema = {kRules, infer, fold};

}  // namespace octet::graph
