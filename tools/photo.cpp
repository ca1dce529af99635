// SPDX-License-Identifier: Apache-2.0
#include "tools/photo.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <memory>

// The decoder is part of this file alone: no other sees its names, and a picture of 16384 pixels a side is
// the largest it will decode.
#define STBI_MAX_DIMENSIONS (1 << 14)
#define STBI_NO_STDIO
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_RESIZE_STATIC
#define STB_IMAGE_RESIZE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb_image.h>
#include <stb_image_resize.h>
#pragma GCC diagnostic pop

namespace octet::tools {
namespace {

struct Free {
  void operator()(std::uint8_t* pixels) const { stbi_image_free(pixels); }
};

}  // namespace

Result<Photo> read_photo(const std::filesystem::path& path, std::int64_t height, std::int64_t width,
                         std::int64_t channels) {
  std::ifstream file(path, std::ios::binary);
  const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
  if (!file || bytes.empty()) return Status::error(fmt::format("cannot read '{}'", path.string()));
  int w = 0, h = 0, in_file = 0;
  const auto* data = reinterpret_cast<const stbi_uc*>(bytes.data());
  const std::unique_ptr<std::uint8_t, Free> decoded(
      stbi_load_from_memory(data, static_cast<int>(std::min<std::size_t>(bytes.size(), 1U << 30)), &w, &h, &in_file,
                            static_cast<int>(channels)));
  if (decoded == nullptr)
    return Status::error(fmt::format("'{}' is no picture that can be read: {}", path.string(), stbi_failure_reason()));

  Photo photo{{}, height, width, channels};
  photo.pixels.resize(static_cast<std::size_t>(height * width * channels));
  if (h == height && w == width) {
    std::copy_n(decoded.get(), photo.pixels.size(), photo.pixels.begin());
    return photo;
  }
  // The part of the picture, in its own pixels, that becomes the whole of the result.
  const double scale = 0.875 * std::min(static_cast<double>(h) / static_cast<double>(height),
                                        static_cast<double>(w) / static_cast<double>(width));
  const double part_h = scale * static_cast<double>(height) / h, part_w = scale * static_cast<double>(width) / w;
  const auto lower = [](double part) { return static_cast<float>((1 - part) / 2); };
  const auto upper = [](double part) { return static_cast<float>((1 + part) / 2); };
  const int row_bytes = static_cast<int>(width * channels);
  if (stbir_resize_region(decoded.get(), w, h, 0, photo.pixels.data(), static_cast<int>(width),
                          static_cast<int>(height), row_bytes, STBIR_TYPE_UINT8, static_cast<int>(channels), -1, 0,
                          STBIR_EDGE_CLAMP, STBIR_EDGE_CLAMP, STBIR_FILTER_TRIANGLE, STBIR_FILTER_TRIANGLE,
                          STBIR_COLORSPACE_LINEAR, nullptr, lower(part_w), lower(part_h), upper(part_w),
                          upper(part_h)) == 0) {
    return Status::error(fmt::format("'{}' cannot be scaled from {}x{} to {}x{}", path.string(), w, h, width, height));
  }
  return photo;
}

}  // namespace octet::tools
