// SPDX-License-Identifier: Apache-2.0
// Axes and sizes out of an untrusted model, as data-moving ops need them: the input's type and codes
// go through, only the shape changes.
#pragma once

#include <octet/status.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

// Sizes of any rank, before it is checked against Shape::kMaxRank.
using Dims = std::vector<std::int64_t>;
inline Dims to_dims(const Shape& shape) { return {shape.begin(), shape.end()}; }

// The product of known sizes; nothing if it could overflow, whatever the order of multiplication: a
// zero does not hide the sizes beside it.
std::optional<std::int64_t> checked_product(std::span<const std::int64_t> sizes);

// Type and shape of output `index`: at most Shape::kMaxRank sizes, unknown or not negative. An output
// that a pass has made a quantized value keeps its type.
Status set_output(Graph& graph, const Node& node, std::size_t index, DType dtype, std::span<const std::int64_t> dims);
// All outputs have this type, and a shape of which not even the rank is known yet.
Status set_unknown(Graph& graph, const Node& node, DType dtype);

// `axis` in [-rank, rank) becomes one in [0, rank).
Status resolve_axis(const Node& node, int rank, std::int64_t& axis);
// The same for each of `axes`, of which no two may be equal. Keeps their order.
Status resolve_axes(const Node& node, int rank, Dims& axes);

// The elements of input `index`, a vector of integers; nothing while it is absent or not constant yet.
Status read_integers(const Graph& graph, const Node& node, std::size_t index, std::optional<Dims>& integers);

}  // namespace octet::graph
