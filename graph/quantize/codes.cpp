// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/codes.h"

#include <fmt/format.h>

#include <cmath>

namespace octet::graph {
namespace {

Status check_layout(std::size_t values, std::size_t codes, const Shape& shape, const Quant& quant, DType dtype) {
  if (dtype != DType::u8 && dtype != DType::s8) {
    return Status::error(fmt::format("code type {}: must be u8 or s8", name_of(dtype)));
  }
  if (!shape.is_known() || values != codes || static_cast<std::int64_t>(values) != shape.count()) {
    return Status::error(
        fmt::format("{} values and {} codes: shape {} needs the same number of both", values, codes, to_string(shape)));
  }
  if (quant.axis >= shape.rank()) {
    return Status::error(fmt::format("axis {}: shape {} has no such axis", quant.axis, to_string(shape)));
  }
  const std::size_t channels = quant.per_tensor() ? 1 : static_cast<std::size_t>(shape[quant.axis]);
  if (quant.scale.size() != channels || quant.zero_point.size() != channels) {
    return Status::error(fmt::format("{} scales and {} zero points: {} of each are needed", quant.scale.size(),
                                     quant.zero_point.size(), channels));
  }
  // A file's parameters were checked on import; a caller's come as they are.
  for (float scale : quant.scale) {
    if (!(scale > 0) || !std::isfinite(scale)) {
      return Status::error(fmt::format("scale {}: must be a positive number", scale));
    }
  }
  return {};
}

// Calls visit(element, scale, zero_point) for every element, in order.
template <class Visit>
void for_each_element(const Shape& shape, const Quant& quant, Visit visit) {
  const bool one = quant.per_tensor();
  const std::int64_t outer = one ? 1 : shape.count(0, quant.axis);
  const std::int64_t channels = one ? 1 : shape[quant.axis];
  const std::int64_t inner = one ? shape.count() : shape.count(quant.axis + 1, shape.rank());
  std::size_t element = 0;
  for (std::int64_t o = 0; o < outer; ++o) {
    for (std::int64_t c = 0; c < channels; ++c) {
      const float scale = quant.scale[static_cast<std::size_t>(c)];
      const std::int32_t zero_point = quant.zero_point[static_cast<std::size_t>(c)];
      for (std::int64_t i = 0; i < inner; ++i) visit(element++, scale, zero_point);
    }
  }
}

}  // namespace

CodeBounds bounds_of(DType dtype) { return dtype == DType::s8 ? CodeBounds{-128, 127} : CodeBounds{0, 255}; }

std::int32_t quantize_value(float x, float scale, std::int32_t zero_point, CodeBounds bounds, QuantizeBy by) {
  const float steps = by == QuantizeBy::division ? x / scale : x * (1.0F / scale);
  if (std::isnan(steps)) return zero_point;
  // Clamped before the conversion: beyond int32 a conversion means INT_MIN on x86 and saturation on ARM.
  const auto lo = static_cast<float>(bounds.min - zero_point);
  const auto hi = static_cast<float>(bounds.max - zero_point);
  const float inside = steps < lo ? lo : steps > hi ? hi : steps;
  return static_cast<std::int32_t>(std::nearbyint(inside)) + zero_point;
}

float dequantize_value(std::int32_t code, float scale, std::int32_t zero_point) {
  return scale * static_cast<float>(code - zero_point);
}

Status quantize_tensor(std::span<const float> values, const Shape& shape, const Quant& quant, DType dtype,
                       CodeBounds bounds, QuantizeBy by, std::span<std::byte> codes) {
  if (Status status = check_layout(values.size(), codes.size(), shape, quant, dtype); !status.ok()) return status;
  for_each_element(shape, quant, [&](std::size_t i, float scale, std::int32_t zero_point) {
    codes[i] = static_cast<std::byte>(quantize_value(values[i], scale, zero_point, bounds, by) & 0xFF);
  });
  return {};
}

Status dequantize_tensor(std::span<const std::byte> codes, const Shape& shape, const Quant& quant, DType dtype,
                         std::span<float> values) {
  if (Status status = check_layout(values.size(), codes.size(), shape, quant, dtype); !status.ok()) return status;
  for_each_element(shape, quant, [&](std::size_t i, float scale, std::int32_t zero_point) {
    const auto byte = static_cast<std::uint8_t>(codes[i]);
    const std::int32_t code = dtype == DType::s8 ? static_cast<std::int8_t>(byte) : byte;
    values[i] = dequantize_value(code, scale, zero_point);
  });
  return {};
}

}  // namespace octet::graph

namespace octet {

Status quantize_tensor(std::span<const float> values, const Shape& shape, const Quant& quant,
                       std::span<std::uint8_t> codes, QuantizeBy by, CodeBounds bounds) {
  return graph::quantize_tensor(values, shape, quant, DType::u8, bounds, by, std::as_writable_bytes(codes));
}
Status quantize_tensor(std::span<const float> values, const Shape& shape, const Quant& quant,
                       std::span<std::int8_t> codes, QuantizeBy by, CodeBounds bounds) {
  return graph::quantize_tensor(values, shape, quant, DType::s8, bounds, by, std::as_writable_bytes(codes));
}
Status dequantize_tensor(std::span<const std::uint8_t> codes, const Shape& shape, const Quant& quant,
                         std::span<float> values) {
  return graph::dequantize_tensor(std::as_bytes(codes), shape, quant, DType::u8, values);
}
Status dequantize_tensor(std::span<const std::int8_t> codes, const Shape& shape, const Quant& quant,
                         std::span<float> values) {
  return graph::dequantize_tensor(std::as_bytes(codes), shape, quant, DType::s8, values);
}

}  // namespace octet
