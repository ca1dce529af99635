// SPDX-License-Identifier: Apache-2.0
#include "tools/npy.h"

#include <fmt/format.h>

#include <cctype>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

namespace octet::tools {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::int64_t kMostBytes = std::int64_t{1} << 40;  // nothing larger is a sample file

struct Type {
  std::string_view descr;
  DType dtype;
};
constexpr Type kTypes[] = {{"<f4", DType::f32}, {"|u1", DType::u8},  {"|i1", DType::s8},
                           {"<i4", DType::s32}, {"<i8", DType::s64}, {"|b1", DType::boolean}};

// The text after "'key':" in the header's Python dictionary, blanks skipped.
std::string_view value_of(std::string_view header, std::string_view key) {
  const std::string quoted = fmt::format("'{}':", key);
  const std::size_t at = header.find(quoted);
  if (at == std::string_view::npos) return {};
  header.remove_prefix(at + quoted.size());
  while (!header.empty() && header.front() == ' ') header.remove_prefix(1);
  return header;
}

// "(3, 224,)" -> dims; false if it is anything else or too large.
bool parse_shape(std::string_view text, Shape& shape) {
  const std::size_t close = text.find(')');
  if (text.empty() || text.front() != '(' || close == std::string_view::npos) return false;
  std::int64_t count = 1;
  for (std::size_t i = 1; i < close;) {
    if (text[i] == ' ' || text[i] == ',') {
      ++i;
      continue;
    }
    std::int64_t dim = 0;
    const std::size_t first = i;
    for (; i < close && std::isdigit(static_cast<unsigned char>(text[i])) != 0; ++i) {
      dim = dim * 10 + (text[i] - '0');
      if (dim > kMostBytes) return false;
    }
    if (i == first || shape.rank() == Shape::kMaxRank) return false;
    if (dim != 0 && count > kMostBytes / dim) return false;
    count *= dim;
    shape.push_back(dim);
  }
  return true;
}

Status refuse(const std::string& name, const std::string& rule) {
  return Status::error(fmt::format("'{}': {}", name, rule));
}

}  // namespace

Result<Array> parse_npy(std::span<const std::byte> file, const std::string& name) {
  const std::string_view text(reinterpret_cast<const char*>(file.data()), file.size());
  if (!text.starts_with(kMagic) || text.size() < 12) return refuse(name, "is not a .npy file");
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(text[i])); };
  const bool version1 = byte(6) == 1;
  const std::size_t start = version1 ? 10 : 12;
  const std::size_t length = byte(8) | byte(9) << 8 | (version1 ? 0 : byte(10) << 16 | byte(11) << 24);
  if (byte(6) < 1 || byte(6) > 3 || length > text.size() - start) return refuse(name, "has a damaged .npy header");
  const std::string_view header = text.substr(start, length);

  Array array;
  if (value_of(header, "fortran_order").starts_with("True")) {
    return refuse(name, "is in Fortran order: save it with numpy.ascontiguousarray");
  }
  if (!parse_shape(value_of(header, "shape"), array.shape)) {
    return refuse(name, "has a shape octet cannot take: at most 6 dimensions");
  }
  const std::string_view descr = value_of(header, "descr").substr(0, 5);
  const auto payload = file.subspan(start + length);
  const auto count = static_cast<std::size_t>(array.shape.count());
  const bool is_double = descr == "'<f8'";
  const Type* type = nullptr;
  for (const Type& known : kTypes) {
    if (descr == fmt::format("'{}'", known.descr)) type = &known;
  }
  if (type == nullptr && !is_double) {
    return refuse(name, fmt::format("has element type {}: must be float32, uint8, int8, int32, int64 or bool", descr));
  }
  const std::size_t needed = count * (is_double ? 8 : size_of(type->dtype));
  if (payload.size() != needed) {
    return refuse(name, fmt::format("holds {} bytes of data, its shape {} needs {}", payload.size(),
                                    to_string(array.shape), needed));
  }
  if (!is_double) {
    array.dtype = type->dtype;
    array.bytes.assign(payload.begin(), payload.end());
    return array;
  }
  array.bytes.resize(count * sizeof(float));
  for (std::size_t i = 0; i < count; ++i) {
    double value;
    std::memcpy(&value, payload.data() + i * 8, 8);
    const auto rounded = static_cast<float>(value);
    std::memcpy(array.bytes.data() + i * 4, &rounded, 4);
  }
  return array;
}

Result<Array> read_npy(const std::filesystem::path& path) {
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  if (code) return Status::error(fmt::format("cannot read '{}': {}", path.string(), code.message()));
  std::vector<std::byte> bytes(size);
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
    return Status::error(fmt::format("cannot read '{}'", path.string()));
  }
  return parse_npy(bytes, path.string());
}

Status write_npy(const std::filesystem::path& path, DType dtype, const Shape& shape, std::span<const std::byte> bytes) {
  std::string_view descr;
  for (const Type& type : kTypes) {
    if (type.dtype == dtype) descr = type.descr;
  }
  std::string dims;
  for (std::int64_t dim : shape) dims += fmt::format("{},", dim);
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}), }}", descr, dims);
  header.append(63 - (header.size() + 10) % 64, ' ');  // data starts at a multiple of 64
  header += '\n';
  std::ofstream file(path, std::ios::binary);
  file << kMagic << '\1' << '\0' << static_cast<char>(header.size() & 0xFF) << static_cast<char>(header.size() >> 8)
       << header;
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return Status::error(fmt::format("cannot write '{}'", path.string()));
  return {};
}

}  // namespace octet::tools
