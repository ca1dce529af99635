// SPDX-License-Identifier: Apache-2.0
// The 200 labelled photos as two networks want them: every fourth calibrates, the others evaluate.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "tests/support/data.h"

namespace octet::test {

// One side of an image shrunk with a triangle filter as wide as the step, in fixed point with 22 fraction
// bits: what the networks' own preparation does. `lines` runs of `from` bytes, `stride` apart.
inline std::vector<std::uint8_t> shrink_rows(const std::vector<std::uint8_t>& image, std::size_t from, std::size_t to) {
  const double step = static_cast<double>(from) / static_cast<double>(to);
  const std::size_t lines = image.size() / from;
  std::vector<std::uint8_t> result(lines * to);
  for (std::size_t x = 0; x < to; ++x) {
    const double center = (static_cast<double>(x) + 0.5) * step;
    const auto first = static_cast<std::size_t>(std::max(0.0, std::floor(center - step + 0.5)));
    const auto last = std::min(from, static_cast<std::size_t>(center + step + 0.5));
    std::vector<double> weights;
    double total = 0;
    for (std::size_t i = first; i < last; ++i) {
      const double distance = std::abs((static_cast<double>(i) - center + 0.5) / step);
      weights.push_back(std::max(0.0, 1.0 - distance));
      total += weights.back();
    }
    for (std::size_t line = 0; line < lines; ++line) {
      std::int32_t sum = 1 << 21;
      for (std::size_t k = 0; k < weights.size(); ++k) {
        sum += image[line * from + first + k] * static_cast<std::int32_t>(0.5 + weights[k] / total * (1 << 22));
      }
      result[line * to + x] = static_cast<std::uint8_t>(std::clamp(sum >> 22, 0, 255));
    }
  }
  return result;
}

// (planes, h, w) -> (planes, w, h)
inline std::vector<std::uint8_t> turned(const std::vector<std::uint8_t>& image, std::size_t h, std::size_t w) {
  std::vector<std::uint8_t> result(image.size());
  for (std::size_t i = 0; i < image.size(); ++i) {
    result[i / (h * w) * h * w + i % w * h + i / w % h] = image[i];
  }
  return result;
}

struct Photos {
  std::vector<float> calibrate, evaluate;  // (50 or 150, 3, side, side)
  std::vector<std::int64_t> labels;        // of `evaluate`
  std::size_t sample = 0;                  // floats of one photo

  // `prepared(byte, channel)` is the network's input; `first_class` is the number of class 0 there.
  template <class Prepared>
  Photos(std::size_t side, std::int64_t first_class, Prepared prepared) {
    constexpr std::size_t kSide = 224, kBytes = 3 * kSide * kSide;
    const tools::Array images = load(shared("imagenet/images_u8.npy")), classes = load(shared("imagenet/labels.npy"));
    const auto bytes = images.as<std::uint8_t>();
    sample = 3 * side * side;
    for (std::size_t photo = 0; photo < bytes.size() / kBytes; ++photo) {
      std::vector<std::uint8_t> image(bytes.begin() + static_cast<std::ptrdiff_t>(photo * kBytes),
                                      bytes.begin() + static_cast<std::ptrdiff_t>((photo + 1) * kBytes));
      if (side != kSide) {
        image = turned(shrink_rows(image, kSide, side), kSide, side);
        image = turned(shrink_rows(image, kSide, side), side, side);
      }
      std::vector<float>& set = photo % 4 == 0 ? calibrate : evaluate;
      for (std::size_t i = 0; i < image.size(); ++i) set.push_back(prepared(image[i], i / (side * side)));
      if (photo % 4 != 0) labels.push_back(classes.as<std::int64_t>()[photo] + first_class);
    }
  }

  static Photos for_mobilenet_v1() {
    return Photos(128, 1, [](std::uint8_t x, std::size_t) { return (static_cast<float>(x) - 128.0F) / 128.0F; });
  }
  static Photos for_squeezenet() {
    return Photos(224, 0, [](std::uint8_t x, std::size_t channel) {
      const float mean[] = {123, 117, 104};
      return static_cast<float>(x) - mean[channel];
    });
  }
};

}  // namespace octet::test
