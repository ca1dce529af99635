// SPDX-License-Identifier: Apache-2.0
#include "tools/float_batch.h"

#include <cstring>

namespace octet::tools {
namespace {

template <class T>
std::vector<float> converted(std::span<const std::byte> bytes) {
  std::vector<float> floats;
  floats.reserve(bytes.size() / sizeof(T));
  for (std::size_t at = 0; at < bytes.size(); at += sizeof(T)) {
    T element;
    std::memcpy(&element, bytes.data() + at, sizeof(T));
    floats.push_back(static_cast<float>(element));
  }
  return floats;
}

std::vector<float> converted(DType dtype, std::span<const std::byte> bytes) {
  switch (dtype) {
    case DType::f32:
      return converted<float>(bytes);
    case DType::s8:
      return converted<std::int8_t>(bytes);
    case DType::s32:
      return converted<std::int32_t>(bytes);
    case DType::s64:
      return converted<std::int64_t>(bytes);
    case DType::u8:
    case DType::boolean:
      break;
  }
  return converted<std::uint8_t>(bytes);
}

}  // namespace

FloatBatch float_batch(const Samples& samples, std::int64_t batch) {
  FloatBatch result;
  for (std::size_t i = 0; i < samples.inputs().size(); ++i) {
    result.elements.push_back(converted(samples.inputs()[i].array.dtype, samples.bytes(i, batch)));
  }
  for (std::size_t i = 0; i < samples.inputs().size(); ++i) {
    result.tensors.push_back({samples.inputs()[i].name, samples.shape(i), result.elements[i]});
  }
  return result;
}

}  // namespace octet::tools
