// SPDX-License-Identifier: Apache-2.0
// A convolution as a matrix product without copying: which input pixel each (output pixel, tap) reads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace octet::kernels {

// Sizes of one channels-last 2-d convolution, (height, width) where there are two. All >= 0, checked.
struct ConvGeometry {
  std::int64_t batch = 1;
  std::array<std::int64_t, 2> in{1, 1}, out{1, 1};
  std::int64_t in_channels = 1, out_channels = 1, groups = 1;
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, dilation{1, 1}, pad{0, 0};  // pad: before the first pixel

  std::int64_t pixels() const { return batch * out[0] * out[1]; }
  std::int64_t taps() const { return kernel[0] * kernel[1]; }
  double macs() const {
    return static_cast<double>(pixels() * out_channels) * static_cast<double>(taps() * (in_channels / groups));
  }
};

// pointers (last - first, taps): for output pixels [first, last) counted over (batch, out height, out
// width), the input pixel under each tap, or `zero_row` (in_channels zero points) outside the image.
void fill_indirection(const ConvGeometry& g, std::int64_t first, std::int64_t last, const std::uint8_t* input,
                      const std::uint8_t* zero_row, const std::uint8_t** pointers) noexcept;

}  // namespace octet::kernels
