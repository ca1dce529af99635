// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include <algorithm>
#include <charconv>
#include <fstream>

#include "graph/import/tensor_data.h"

namespace octet::graph {
namespace {

namespace fs = std::filesystem;

struct Place {
  std::string location;
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
};

std::optional<std::uint64_t> parse_number(const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, failure] = std::from_chars(text.data(), end, number);
  if (failure != std::errc() || stop != end) return std::nullopt;
  return number;
}

Result<Place> read_place(const onnx::TensorProto& tensor, const std::string& what) {
  Place place;
  for (const auto& entry : tensor.external_data()) {
    if (entry.key() == "location") place.location = entry.value();
    if (entry.key() != "offset" && entry.key() != "length") continue;
    const auto number = parse_number(entry.value());
    if (!number) {
      return Status::error(
          fmt::format("{}: external data {} '{}': must be a number of bytes", what, entry.key(), entry.value()));
    }
    if (entry.key() == "offset") place.offset = *number;
    if (entry.key() == "length") place.length = *number;
  }
  if (place.location.empty()) return Status::error(fmt::format("{}: external data without a location", what));
  return place;
}

// A model must not read files that its owner did not put beside it, not even through a link.
Result<fs::path> locate(const std::string& location, const fs::path& directory, const std::string& what) {
  const fs::path relative(location);
  const auto outside = [&] {
    return Status::error(fmt::format("{}: external data file '{}': must lie in the model's folder", what, location));
  };
  if (location.find('\0') != std::string::npos || relative.is_absolute() || relative.has_root_path()) return outside();
  if (std::find(relative.begin(), relative.end(), "..") != relative.end()) return outside();

  std::error_code failure;
  const fs::path root = fs::canonical(directory.empty() ? fs::path(".") : directory, failure);
  if (failure) {
    return Status::error(
        fmt::format("{}: the folder '{}' of external data: {}", what, directory.string(), failure.message()));
  }
  const fs::path file = fs::canonical(root / relative, failure);
  if (failure) {
    return Status::error(fmt::format("{}: external data file '{}': {}", what, location, failure.message()));
  }
  const auto parts = std::mismatch(root.begin(), root.end(), file.begin(), file.end());
  if (parts.first != root.end()) return outside();
  if (!fs::is_regular_file(file, failure)) {
    return Status::error(fmt::format("{}: external data file '{}' is not a regular file", what, location));
  }
  return file;
}

}  // namespace

Result<std::string> read_external_data(const onnx::TensorProto& tensor, const fs::path& directory, std::uint64_t size,
                                       const std::string& what) {
  auto place = read_place(tensor, what);
  if (!place) return place.status();
  if (place->length && *place->length != size) {
    return Status::error(
        fmt::format("{}: external data of {} bytes: its type and shape need {}", what, *place->length, size));
  }
  auto file = locate(place->location, directory, what);
  if (!file) return file.status();
  // Checked before memory is asked for: a shape in a hostile file can claim any size.
  std::error_code failure;
  const std::uint64_t available = fs::file_size(*file, failure);
  if (failure || place->offset > available || available - place->offset < size) {
    return Status::error(fmt::format("{}: external data file '{}' is too short: {} bytes, needed are {} from offset {}",
                                     what, place->location, failure ? 0 : available, size, place->offset));
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::ifstream stream(*file, std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(place->offset));
  stream.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!stream) return Status::error(fmt::format("{}: cannot read external data file '{}'", what, place->location));
  return bytes;
}

}  // namespace octet::graph
