// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/tensor.h>

namespace octet {

const char* name_of(DType type) noexcept {
  switch (type) {
    case DType::f32:
      return "f32";
    case DType::u8:
      return "u8";
    case DType::s8:
      return "s8";
    case DType::s32:
      return "s32";
    case DType::s64:
      return "s64";
    case DType::boolean:
      return "bool";
  }
  return "?";
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (std::int64_t dim : shape) {
    if (text.size() > 1) text += ',';
    text += dim < 0 ? "?" : fmt::to_string(dim);
  }
  return text + ']';
}

}  // namespace octet
