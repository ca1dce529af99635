// SPDX-License-Identifier: Apache-2.0
#include "graph/dims.h"

#include <fmt/format.h>

#include "graph/constant.h"
#include "graph/op.h"

namespace octet::graph {

std::optional<std::int64_t> checked_product(std::span<const std::int64_t> sizes) {
  constexpr std::int64_t kMost = std::int64_t{1} << 56;  // times any element size still fits
  std::int64_t product = 1;
  bool empty = false;
  for (std::int64_t size : sizes) {
    if (size == 0) {
      empty = true;
    } else if (size < 0 || size > kMost / product) {
      return std::nullopt;
    } else {
      product *= size;
    }
  }
  return empty ? 0 : product;
}

Status set_output(Graph& graph, const Node& node, std::size_t index, DType dtype, std::span<const std::int64_t> dims) {
  if (dims.size() > static_cast<std::size_t>(Shape::kMaxRank))
    return node_error(node, fmt::format("result of rank {}: must be at most {}", dims.size(), Shape::kMaxRank));
  Dims known;
  for (std::int64_t dim : dims) {
    if (dim < Shape::kUnknown) return node_error(node, fmt::format("result size {}: must not be negative", dim));
    if (dim != Shape::kUnknown) known.push_back(dim);
  }
  const Shape shape(dims);
  if (!checked_product(known))
    return node_error(node, fmt::format("result shape {}: too many elements to count", to_string(shape)));
  Value& output = graph.output(node, index);
  if (!output.is_quantized()) output.dtype = dtype;
  output.shape = shape;
  output.shape_known = true;
  return {};
}

Status set_unknown(Graph& graph, const Node& node, DType dtype) {
  for (ValueId id : node.outputs) {
    if (!graph[id].is_quantized()) graph[id].dtype = dtype;
    graph[id].shape = Shape();
    graph[id].shape_known = false;
  }
  return {};
}

Status resolve_axis(const Node& node, int rank, std::int64_t& axis) {
  if (axis < -rank || axis >= rank)
    return node_error(node, fmt::format("axis {}: must be in [{}, {}) for rank {}", axis, -rank, rank, rank));
  if (axis < 0) axis += rank;
  return {};
}

Status resolve_axes(const Node& node, int rank, Dims& axes) {
  std::uint64_t seen = 0;  // one bit per axis, rank is at most Shape::kMaxRank
  for (std::int64_t& axis : axes) {
    if (Status status = resolve_axis(node, rank, axis); !status) return status;
    const std::uint64_t bit = std::uint64_t{1} << axis;
    if ((seen & bit) != 0) return node_error(node, fmt::format("axis {} is named twice", axis));
    seen |= bit;
  }
  return {};
}

Status read_integers(const Graph& graph, const Node& node, std::size_t index, std::optional<Dims>& integers) {
  integers.reset();
  if (!node.has_input(index) || !graph.input(node, index).is_constant()) return {};
  const Value& value = graph.input(node, index);
  integers = integers_of(value);
  if (integers) return {};
  return node_error(node, fmt::format("input {} ('{}') is {} {}: must be a vector of s64 or s32", index, value.name,
                                      name_of(value.dtype), to_string(value.shape)));
}

}  // namespace octet::graph
