// SPDX-License-Identifier: Apache-2.0
// Constants as folding sees them: integers read safely, elements of any type moved by layout, and
// the integer arithmetic that computes shapes.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

// The elements of a constant, plain s64 or s32 scalar or vector (axes, sizes, a shape); nothing if
// `value` is not one.
std::optional<std::vector<std::int64_t>> integers_of(const Value& value);
// The elements of a constant, plain f32 vector; nothing if `value` is not one.
std::optional<std::vector<float>> reals_of(const Value& value);

// Where the elements of a tensor lie: (i, j, ...) is element offset + i*stride[0] + j*stride[1] ...
// of a buffer. Strides may be negative: a reversed axis.
struct Layout {
  std::int64_t offset = 0;
  std::array<std::int64_t, Shape::kMaxRank> stride{};
};
Layout dense(const Shape& shape);  // row-major

// to[target(i)] = from[source(i)] for every index i of `shape`.
void copy_elements(const Shape& shape, std::size_t element_size, const std::byte* from, const Layout& source,
                   std::byte* to, const Layout& target);

// Zeroed memory for the elements of `value`, whose dtype and shape are known; never null.
std::shared_ptr<std::byte[]> allocate_elements(const Value& value);

// False if the codes of `value` mean different reals along an axis, so that an op which mixes or
// drops indices would have to rewrite the scales too.
inline bool uniform(const Value& value) { return !value.is_quantized() || value.quant.per_tensor(); }

// Makes `output` a constant of `dtype`. False, and nothing done, where a pass has already decided that
// the codes of `output` are others, or mean something else than `quant`.
bool become_constant(Value& output, DType dtype, std::shared_ptr<const std::byte[]> data, const Quant& quant);

// Folds a data movement: element i of `output` is element source(i) of the constant `input`.
bool fold_movement(const Value& input, const Layout& source, const Quant& quant, Value& output);

// Folds Binary over plain s64 or s32 constants, broadcast as ONNX does; division truncates. False for
// other types, where the result is not an integer that fits, and where fn has no integer form here.
bool fold_integer_binary(Graph& graph, Node& node);

}  // namespace octet::graph
