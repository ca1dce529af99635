// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/image.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "runtime/float_environment.h"

namespace octet {
namespace {

constexpr std::size_t kPixelValues = 256;

Status error_in(const TensorInfo& info, const std::string& rule) {
  return Status::error(
      fmt::format("input '{}' ({} {}): {}", info.name, name_of(info.dtype), to_string(info.shape), rule));
}

// The parameters of an input of codes, as the operators that read it have them.
const Quant* quant_of(const Session& session, const TensorInfo& info) {
  for (const OpInfo& op : session.ops()) {
    for (std::size_t i = 0; i < op.inputs.size(); ++i) {
      const Quant& quant = op.input_quant[i];
      if (op.inputs[i].name == info.name && op.inputs[i].dtype == info.dtype && quant.scale.size() == 1) return &quant;
    }
  }
  return nullptr;
}

// As the Quantize operator does it: one division, ties to even, clamped.
std::uint8_t code_of(float value, const Quant& quant, DType dtype) {
  const float lo = dtype == DType::u8 ? 0.0F : -128.0F;
  const auto zero_point = static_cast<float>(quant.zero_point.empty() ? 0 : quant.zero_point[0]);
  const float code = std::clamp(std::nearbyint(value / quant.scale[0]) + zero_point, lo, lo + 255.0F);
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(code));
}

}  // namespace

Result<ImageInput> ImageInput::create(const Session& session, std::size_t index,
                                      const ImageNormalization& normalization) {
  const runtime::FloatEnvironment environment;
  if (index >= session.inputs().size()) {
    return Status::error(fmt::format("input {}: the model has {}", index, session.inputs().size()));
  }
  ImageInput input;
  input.index_ = index;
  input.info_ = session.inputs()[index];
  input.reverse_channels_ = normalization.reverse_channels;
  const TensorInfo& info = input.info_;
  if (info.shape.rank() != 4 || info.shape[0] != 1 || info.shape[1] < 1 || info.shape[1] > 4) {
    return error_in(info, "an image needs the shape [1,channels,height,width] with 1 to 4 channels");
  }
  const bool is_codes = info.dtype == DType::u8 || info.dtype == DType::s8;
  const Quant* quant = is_codes ? quant_of(session, info) : nullptr;
  if (info.dtype != DType::f32 && !is_codes) return error_in(info, "an image needs f32, u8 or s8");
  if (is_codes && quant == nullptr) return error_in(info, "no operator says what its codes mean");

  const auto channels = static_cast<std::size_t>(info.shape[1]);
  for (std::size_t c = 0; c < channels; ++c) {
    const float mean = normalization.mean[c], deviation = normalization.deviation[c];
    if (!std::isfinite(mean) || !std::isfinite(normalization.scale) || !(deviation > 0) || !std::isfinite(deviation)) {
      return error_in(info,
                      fmt::format("channel {}: scale {}, mean {} and deviation {} must be finite, the last above 0", c,
                                  normalization.scale, mean, deviation));
    }
    for (std::size_t pixel = 0; pixel < kPixelValues; ++pixel) {
      const float value = (static_cast<float>(pixel) * normalization.scale - mean) / deviation;
      if (is_codes) {
        input.codes_.push_back(code_of(value, *quant, info.dtype));
      } else {
        input.floats_.push_back(value);
      }
    }
  }
  return input;
}

template <class T>
void ImageInput::write_as(const ImageView& image, const std::vector<T>& table, std::byte* out) const noexcept {
  const auto channels = static_cast<std::size_t>(image.channels), width = static_cast<std::size_t>(image.width);
  const std::size_t row_bytes = image.row_bytes != 0 ? image.row_bytes : width * channels;
  for (std::size_t c = 0; c < channels; ++c) {
    const T* const values = table.data() + c * kPixelValues;
    const std::size_t from = reverse_channels_ ? channels - 1 - c : c;
    for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
      const std::uint8_t* const row = image.pixels + y * row_bytes + from;
      for (std::size_t x = 0; x < width; ++x, out += sizeof(T)) std::memcpy(out, &values[row[x * channels]], sizeof(T));
    }
  }
}

Status ImageInput::write(const ImageView& image, Session& session) const {
  const Shape& shape = info_.shape;
  if (image.pixels == nullptr || image.channels != shape[1] || image.height != shape[2] || image.width != shape[3]) {
    return error_in(info_, fmt::format("an image of {} x {} pixels with {} channels does not fit", image.height,
                                       image.width, image.channels));
  }
  const std::span<std::byte> bytes = session.input_bytes(index_);
  if (bytes.size() != static_cast<std::size_t>(shape.count()) * size_of(info_.dtype)) {
    return error_in(info_, "the session is not like the one that it was created for");
  }
  if (info_.dtype == DType::f32) {
    write_as(image, floats_, bytes.data());
  } else {
    write_as(image, codes_, bytes.data());
  }
  return {};
}

}  // namespace octet
