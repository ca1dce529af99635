// SPDX-License-Identifier: Apache-2.0
#include "kernels/indirection.h"

namespace octet::kernels {

void fill_indirection(const ConvGeometry& g, std::int64_t first, std::int64_t last, const std::uint8_t* input,
                      const std::uint8_t* zero_row, const std::uint8_t** pointers) noexcept {
  const std::int64_t row = g.in[1] * g.in_channels;
  for (std::int64_t pixel = first; pixel < last; ++pixel) {
    const std::int64_t ox = pixel % g.out[1], oy = pixel / g.out[1] % g.out[0], n = pixel / g.out[1] / g.out[0];
    const std::uint8_t* const image = input + n * g.in[0] * row;
    for (std::int64_t ky = 0; ky < g.kernel[0]; ++ky) {
      const std::int64_t iy = oy * g.stride[0] - g.pad[0] + ky * g.dilation[0];
      for (std::int64_t kx = 0; kx < g.kernel[1]; ++kx) {
        const std::int64_t ix = ox * g.stride[1] - g.pad[1] + kx * g.dilation[1];
        const bool inside = iy >= 0 && iy < g.in[0] && ix >= 0 && ix < g.in[1];
        *pointers++ = inside ? image + iy * row + ix * g.in_channels : zero_row;
      }
    }
  }
}

}  // namespace octet::kernels
