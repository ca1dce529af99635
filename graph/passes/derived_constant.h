// SPDX-License-Identifier: Apache-2.0
// Constants that passes make out of constants: transposed, reshaped, dequantized, computed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "graph/graph.h"

namespace octet::graph {

// Axis i of the result is axis perm[i] of `constant`; the axis of its parameters moves along.
Value permuted(const Value& constant, std::span<const std::int64_t> perm);
// The same elements in the same order; per-tensor parameters, or an axis that stays where it is.
Value reshaped(const Value& constant, const Shape& shape);
// f32(scale * float(code - zero_point)); nothing if `constant` is not u8, s8 or s32 with parameters.
std::optional<Value> dequantized(const Value& constant);
// clamp(rne(f32(x / scale)) + zero_point) of an f32 constant, u8 or s8 by `dtype`; with `reciprocal`
// x * f32(1/scale). Nothing if the types or the parameters do not fit.
std::optional<Value> quantized(const Value& constant, DType dtype, const Quant& quant, bool reciprocal);

// The element of a plain f32 constant that has only one, whatever its rank.
std::optional<float> scalar_of(const Value& value);

// An f32 constant of `shape` whose element i is element(i), rounded once from double.
template <class Fn>
Value computed(std::string name, const Shape& shape, Fn element) {
  std::vector<float> elements(static_cast<std::size_t>(shape.count()));
  for (std::size_t i = 0; i < elements.size(); ++i) elements[i] = static_cast<float>(element(i));
  return Graph::make_constant(std::move(name), DType::f32, shape, std::as_bytes(std::span<const float>(elements)));
}

}  // namespace octet::graph
