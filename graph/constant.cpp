// SPDX-License-Identifier: Apache-2.0
#include "graph/constant.h"

#include <algorithm>
#include <limits>

#include "graph/broadcast.h"

namespace octet::graph {
namespace {

template <class From, class To>
std::vector<To> converted(const Value& value) {
  const auto elements = value.as<From>();
  return {elements.begin(), elements.end()};
}

// Size is a template argument so that memcpy becomes one load and one store.
template <std::size_t Size>
void copy_axes(const Shape& shape, int axis, const std::byte* from, const Layout& source, std::byte* to,
               const Layout& target) {
  if (axis == shape.rank()) {
    std::memcpy(to, from, Size);
    return;
  }
  constexpr auto kSize = static_cast<std::int64_t>(Size);
  const auto a = static_cast<std::size_t>(axis);
  if (axis + 1 == shape.rank() && source.stride[a] == 1 && target.stride[a] == 1) {
    std::memcpy(to, from, Size * static_cast<std::size_t>(shape[axis]));
    return;
  }
  for (std::int64_t i = 0; i < shape[axis]; ++i)
    copy_axes<Size>(shape, axis + 1, from + i * source.stride[a] * kSize, source, to + i * target.stride[a] * kSize,
                    target);
}

// a fn b in int64; nothing on overflow, division by zero, and for what integers cannot do.
std::optional<std::int64_t> evaluate(BinaryFn fn, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  switch (fn) {
    case BinaryFn::add:
      return __builtin_add_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case BinaryFn::sub:
      return __builtin_sub_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case BinaryFn::mul:
      return __builtin_mul_overflow(a, b, &result) ? std::nullopt : std::optional(result);
    case BinaryFn::div:
      if (b == 0 || (b == -1 && a == std::numeric_limits<std::int64_t>::min())) return std::nullopt;
      return a / b;
    case BinaryFn::min:
      return std::min(a, b);
    case BinaryFn::max:
      return std::max(a, b);
    case BinaryFn::pow:
      return std::nullopt;
  }
  return std::nullopt;
}

template <class T>
bool fold_binary_as(BinaryFn fn, const Value& a, const Value& b, Value& output) {
  const auto left = a.as<T>(), right = b.as<T>();
  const auto memory = allocate_elements(output);
  bool fits = true;
  for_each_broadcast(output.shape, a.shape, b.shape, [&](std::int64_t i, std::int64_t in_a, std::int64_t in_b) {
    const auto result = evaluate(fn, left[static_cast<std::size_t>(in_a)], right[static_cast<std::size_t>(in_b)]);
    const auto element = static_cast<T>(result.value_or(0));
    fits = fits && result == element;
    std::memcpy(memory.get() + static_cast<std::size_t>(i) * sizeof(T), &element, sizeof(T));
  });
  return fits && become_constant(output, output.dtype, memory, {});
}

}  // namespace

std::optional<std::vector<std::int64_t>> integers_of(const Value& value) {
  if (!value.is_constant() || value.is_quantized() || value.shape.rank() > 1) return std::nullopt;
  if (value.dtype == DType::s64) return converted<std::int64_t, std::int64_t>(value);
  if (value.dtype == DType::s32) return converted<std::int32_t, std::int64_t>(value);
  return std::nullopt;
}

std::optional<std::vector<float>> reals_of(const Value& value) {
  if (!value.is_constant() || value.dtype != DType::f32 || value.shape.rank() > 1) return std::nullopt;
  return converted<float, float>(value);
}

Layout dense(const Shape& shape) {
  Layout layout;
  std::int64_t stride = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    layout.stride[static_cast<std::size_t>(axis)] = stride;
    stride *= shape[axis];
  }
  return layout;
}

void copy_elements(const Shape& shape, std::size_t element_size, const std::byte* from, const Layout& source,
                   std::byte* to, const Layout& target) {
  if (shape.count() == 0) return;  // else [2^40, 0] would spend its life counting
  const auto size = static_cast<std::int64_t>(element_size);
  from += source.offset * size;
  to += target.offset * size;
  switch (element_size) {
    case 1:
      return copy_axes<1>(shape, 0, from, source, to, target);
    case 4:
      return copy_axes<4>(shape, 0, from, source, to, target);
    case 8:
      return copy_axes<8>(shape, 0, from, source, to, target);
    default:
      return;
  }
}

std::shared_ptr<std::byte[]> allocate_elements(const Value& value) {
  // new byte[] is aligned for every element type; an empty constant still has an address.
  const auto bytes = static_cast<std::size_t>(value.shape.count()) * size_of(value.dtype);
  return std::shared_ptr<std::byte[]>(new std::byte[std::max<std::size_t>(bytes, 1)]());
}

bool become_constant(Value& output, DType dtype, std::shared_ptr<const std::byte[]> data, const Quant& quant) {
  if (output.dtype != dtype || (output.is_quantized() && output.quant != quant)) return false;
  output.quant = quant;
  output.data = std::move(data);
  return true;
}

bool fold_movement(const Value& input, const Layout& source, const Quant& quant, Value& output) {
  const auto memory = allocate_elements(output);
  copy_elements(output.shape, size_of(input.dtype), input.data.get(), source, memory.get(), dense(output.shape));
  return become_constant(output, input.dtype, memory, quant);
}

bool fold_integer_binary(Graph& graph, Node& node) {
  const Value &a = graph.input(node, 0), &b = graph.input(node, 1);
  Value& output = graph.output(node);
  const auto& attrs = node.as<BinaryAttrs>();
  if (a.dtype != b.dtype || a.dtype != output.dtype || a.is_quantized() || b.is_quantized() || attrs.clamp.active() ||
      !output.shape.is_known())
    return false;
  if (a.dtype == DType::s64) return fold_binary_as<std::int64_t>(attrs.fn, a, b, output);
  if (a.dtype == DType::s32) return fold_binary_as<std::int32_t>(attrs.fn, a, b, output);
  return false;
}

}  // namespace octet::graph
