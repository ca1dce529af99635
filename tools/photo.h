// SPDX-License-Identifier: Apache-2.0
// A picture file as pixels of the size that a network takes.
#pragma once

#include <octet/image.h>

#include <filesystem>
#include <vector>

namespace octet::tools {

struct Photo {
  std::vector<std::uint8_t> pixels;  // (height, width, channels)
  std::int64_t height = 0, width = 0, channels = 0;

  ImageView view() const { return {pixels.data(), height, width, channels, 0}; }
};

// JPEG, PNG, BMP, PNM and what else stb_image reads. A picture of another size is scaled and its middle cut out
// as networks for ImageNet are judged: 7/8 of the shorter side is what they see.
Result<Photo> read_photo(const std::filesystem::path& path, std::int64_t height, std::int64_t width,
                         std::int64_t channels);

}  // namespace octet::tools
