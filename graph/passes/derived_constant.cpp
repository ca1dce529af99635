// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/derived_constant.h"

#include <algorithm>
#include <cmath>

#include "graph/constant.h"

namespace octet::graph {
namespace {

// A value like `model` with another name, type and memory of its own, not yet constant.
Value unfilled(const Value& model, std::string_view suffix, DType dtype) {
  Value value = model;
  value.name += suffix;
  value.dtype = dtype;
  value.data = nullptr;
  return value;
}

bool parameters_fit(const Shape& shape, const Quant& quant) {
  if (quant.axis >= shape.rank()) return false;
  const std::size_t entries = quant.per_tensor() ? 1 : static_cast<std::size_t>(shape[quant.axis]);
  return quant.scale.size() == entries && quant.zero_point.size() == entries;
}

// Calls visit(element, scale, zero_point) for every element, in order.
template <class Visit>
void for_each_element(const Shape& shape, const Quant& quant, Visit visit) {
  const bool one = quant.per_tensor();
  const std::int64_t inner = one ? shape.count() : shape.count(quant.axis + 1, shape.rank());
  const std::int64_t channels = one ? 1 : shape[quant.axis];
  for (std::int64_t i = 0; i < shape.count(); ++i) {
    const auto channel = static_cast<std::size_t>(i / inner % channels);
    visit(static_cast<std::size_t>(i), quant.scale[channel], quant.zero_point[channel]);
  }
}

template <class Code>
void dequantize_as(const Value& constant, float* reals) {
  const auto codes = constant.as<Code>();
  for_each_element(constant.shape, constant.quant, [&](std::size_t i, float scale, std::int32_t zero_point) {
    const auto steps = static_cast<std::int64_t>(codes[i]) - zero_point;
    reals[i] = scale * static_cast<float>(steps);
  });
}

}  // namespace

Value permuted(const Value& constant, std::span<const std::int64_t> perm) {
  Value result = unfilled(constant, "/transposed", constant.dtype);
  const Layout from = dense(constant.shape);
  Layout source;
  for (std::size_t axis = 0; axis < perm.size(); ++axis) {
    result.shape[static_cast<int>(axis)] = constant.shape[static_cast<int>(perm[axis])];
    source.stride[axis] = from.stride[static_cast<std::size_t>(perm[axis])];
    if (constant.quant.axis == perm[axis]) result.quant.axis = static_cast<int>(axis);
  }
  const auto memory = allocate_elements(result);
  copy_elements(result.shape, size_of(result.dtype), constant.data.get(), source, memory.get(), dense(result.shape));
  result.data = memory;
  return result;
}

Value reshaped(const Value& constant, const Shape& shape) {
  Value result = constant;  // shares the elements
  result.name += "/reshaped";
  result.shape = shape;
  return result;
}

std::optional<Value> dequantized(const Value& constant) {
  if (!constant.is_constant() || !constant.is_quantized() || !parameters_fit(constant.shape, constant.quant))
    return std::nullopt;
  Value result = unfilled(constant, "/dequantized", DType::f32);
  result.quant = {};
  const auto memory = allocate_elements(result);
  auto* reals = reinterpret_cast<float*>(memory.get());
  switch (constant.dtype) {
    case DType::u8:
      dequantize_as<std::uint8_t>(constant, reals);
      break;
    case DType::s8:
      dequantize_as<std::int8_t>(constant, reals);
      break;
    case DType::s32:
      dequantize_as<std::int32_t>(constant, reals);
      break;
    default:
      return std::nullopt;
  }
  result.data = memory;
  return result;
}

std::optional<Value> quantized(const Value& constant, DType dtype, const Quant& quant, bool reciprocal) {
  if (!constant.is_constant() || constant.dtype != DType::f32 || (dtype != DType::u8 && dtype != DType::s8) ||
      !parameters_fit(constant.shape, quant))
    return std::nullopt;
  Value result = unfilled(constant, "/quantized", dtype);
  result.quant = quant;
  const auto memory = allocate_elements(result);
  const auto reals = constant.as<float>();
  const int least = dtype == DType::s8 ? -128 : 0;
  for_each_element(constant.shape, quant, [&](std::size_t i, float scale, std::int32_t zero_point) {
    const float steps = reciprocal ? reals[i] * (1.0F / scale) : reals[i] / scale;
    // Clamped before the conversion: what lies beyond int32 becomes something else on every CPU.
    const auto lo = static_cast<float>(least - zero_point), hi = static_cast<float>(least + 255 - zero_point);
    const float inside = std::isnan(steps) ? 0.0F : std::clamp(steps, lo, hi);
    memory[static_cast<std::ptrdiff_t>(i)] =
        static_cast<std::byte>((static_cast<int>(std::nearbyint(inside)) + zero_point) & 0xFF);
  });
  result.data = memory;
  return result;
}

std::optional<float> scalar_of(const Value& value) {
  if (!value.is_constant() || value.dtype != DType::f32 || value.is_quantized() || value.shape.count() != 1)
    return std::nullopt;
  return value.as<float>()[0];
}

}  // namespace octet::graph
