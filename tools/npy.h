// SPDX-License-Identifier: Apache-2.0
// NumPy's .npy files, versions 1 to 3: C order, little-endian, the element types octet has.
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include <filesystem>
#include <span>
#include <vector>

namespace octet::tools {

struct Array {
  DType dtype = DType::f32;
  Shape shape;
  std::vector<std::byte> bytes;  // shape.count() elements, row-major

  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

// Also takes float64 and int32 labels as they are common: float64 is rounded to f32.
Result<Array> read_npy(const std::filesystem::path& path);
// The same from memory; `name` stands in messages.
Result<Array> parse_npy(std::span<const std::byte> file, const std::string& name);
Status write_npy(const std::filesystem::path& path, DType dtype, const Shape& shape, std::span<const std::byte> bytes);

}  // namespace octet::tools
