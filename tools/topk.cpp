// SPDX-License-Identifier: Apache-2.0
#include "tools/topk.h"

namespace octet::tools {
namespace {

template <class T>
std::int64_t rank(std::span<const std::byte> scores, std::int64_t label) {
  const auto* values = reinterpret_cast<const T*>(scores.data());
  const auto n = static_cast<std::int64_t>(scores.size() / sizeof(T));
  if (label < 0 || label >= n) return n;
  const T mine = values[label];
  if (mine != mine) return n;
  std::int64_t before = 0;
  for (std::int64_t i = 0; i < n; ++i) before += values[i] > mine || (values[i] == mine && i < label) ? 1 : 0;
  return before;
}

}  // namespace

std::int64_t rank_of(DType dtype, std::span<const std::byte> scores, std::int64_t label) {
  switch (dtype) {
    case DType::f32: return rank<float>(scores, label);
    case DType::s8: return rank<std::int8_t>(scores, label);
    case DType::s32: return rank<std::int32_t>(scores, label);
    case DType::s64: return rank<std::int64_t>(scores, label);
    case DType::u8:
    case DType::boolean: return rank<std::uint8_t>(scores, label);
  }
  return 0;
}

}  // namespace octet::tools
