// SPDX-License-Identifier: Apache-2.0
#include "tests/conformance/compare.h"

#include <fmt/format.h>

#include <cmath>

namespace octet::conformance {
namespace {

bool is_close(float actual, float expected) {
  if (std::isnan(expected)) return std::isnan(actual);
  if (std::isinf(expected)) return actual == expected;
  return std::fabs(actual - expected) <= 1e-7F + 1e-3F * std::fabs(expected);
}

template <class T>
std::string compare_as(const graph::Value& expected, const std::byte* bytes) {
  const auto wanted = expected.as<T>();
  const auto* actual = reinterpret_cast<const T*>(bytes);
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    bool same = actual[i] == wanted[i];
    if constexpr (std::is_same_v<T, float>) same = is_close(actual[i], wanted[i]);
    if (!same) return fmt::format("element {} is {}, expected {}", i, actual[i], wanted[i]);
  }
  return {};
}

}  // namespace

std::string compare(const graph::Value& expected, const TensorInfo& info, std::span<const std::byte> bytes) {
  if (info.dtype != expected.dtype)
    return fmt::format("type {}, expected {}", name_of(info.dtype), name_of(expected.dtype));
  if (info.shape != expected.shape)
    return fmt::format("shape {}, expected {}", to_string(info.shape), to_string(expected.shape));
  switch (info.dtype) {
    case DType::f32:
      return compare_as<float>(expected, bytes.data());
    case DType::u8:
    case DType::boolean:
      return compare_as<std::uint8_t>(expected, bytes.data());
    case DType::s8:
      return compare_as<std::int8_t>(expected, bytes.data());
    case DType::s32:
      return compare_as<std::int32_t>(expected, bytes.data());
    case DType::s64:
      return compare_as<std::int64_t>(expected, bytes.data());
  }
  return "an unknown type";
}

}  // namespace octet::conformance
