// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/export.h>
#include <octet/session.h>
#include <octet/status.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace octet {

/// An 8-bit image as cameras and decoders give it: rows from the top, channels interleaved (HWC).
struct ImageView {
  const std::uint8_t* pixels = nullptr;
  std::int64_t height = 0, width = 0, channels = 0;
  std::size_t row_bytes = 0;  ///< from one row to the next; 0: width * channels
};

/// What a network was trained on: value = (pixel * scale - mean[c]) / deviation[c].
struct ImageNormalization {
  float scale = 1.0F / 255;
  std::array<float, 4> mean{0, 0, 0, 0};
  std::array<float, 4> deviation{1, 1, 1, 1};
  bool reverse_channels = false;  ///< the network wants BGR where the image has RGB, or the reverse

  /// The usual one for networks trained on ImageNet, RGB.
  static constexpr ImageNormalization imagenet() {
    return {1.0F / 255, {0.485F, 0.456F, 0.406F, 0}, {0.229F, 0.224F, 0.225F, 1}, false};
  }
};

/// Writes images into an input of a session in one pass: layout, normalization and quantization are
/// one table per channel. Images are not resized.
class OCTET_API ImageInput {
 public:
  /// For input `index` of `session`: f32 of shape [1,channels,height,width] with 1 to 4 channels, or u8 or
  /// s8 of that shape whose parameters the model knows. Everything else is an error.
  static Result<ImageInput> create(const Session& session, std::size_t index,
                                   const ImageNormalization& normalization = {});

  /// Error if the sizes are not those of the input. `session` is the one from create(), or one that was
  /// created from the same model with the same shapes. Allocates nothing unless it fails.
  Status write(const ImageView& image, Session& session) const;

 private:
  ImageInput() = default;
  template <class T>
  void write_as(const ImageView& image, const std::vector<T>& table, std::byte* out) const noexcept;

  std::size_t index_ = 0;
  TensorInfo info_;
  bool reverse_channels_ = false;
  std::vector<float> floats_;        // (channels, 256), for f32
  std::vector<std::uint8_t> codes_;  // (channels, 256), for u8 and, as bytes, s8
};

}  // namespace octet
