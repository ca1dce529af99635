// SPDX-License-Identifier: Apache-2.0
// Which input pixel each (output pixel, tap) reads, against the definition.
#include "kernels/indirection.h"

#include <random>
#include <vector>

#include "tests/support/catch.h"

using namespace octet::kernels;

namespace {

const std::uint8_t* pixel_under(const ConvGeometry& g, std::int64_t pixel, std::int64_t tap, const std::uint8_t* input,
                                const std::uint8_t* zero_row) {
  const std::int64_t ox = pixel % g.out[1], oy = pixel / g.out[1] % g.out[0], n = pixel / (g.out[0] * g.out[1]);
  const std::int64_t iy = oy * g.stride[0] + tap / g.kernel[1] * g.dilation[0] - g.pad[0];
  const std::int64_t ix = ox * g.stride[1] + tap % g.kernel[1] * g.dilation[1] - g.pad[1];
  if (iy < 0 || iy >= g.in[0] || ix < 0 || ix >= g.in[1]) return zero_row;
  return input + ((n * g.in[0] + iy) * g.in[1] + ix) * g.in_channels;
}

}  // namespace

TEST_CASE("every tap of every pixel points where the convolution says") {
  std::mt19937 random(20261);
  const auto from = [&](std::int64_t least, std::int64_t most) {
    return std::uniform_int_distribution<std::int64_t>(least, most)(random);
  };
  const std::vector<std::uint8_t> input(2 * 9 * 9 * 3), zero_row(3);
  for (int i = 0; i < 2000; ++i) {
    ConvGeometry g;
    g.batch = from(1, 2);
    g.in_channels = from(1, 3);
    const bool pointwise = i % 10 == 0;
    for (std::size_t axis = 0; axis < 2; ++axis) {
      g.in[axis] = from(1, 9);
      g.kernel[axis] = pointwise ? 1 : from(1, 5);
      g.stride[axis] = pointwise ? 1 : from(1, 3);
      g.dilation[axis] = from(1, 3);
      g.pad[axis] = pointwise ? 0 : from(0, 6);  // padding may be wider than the window, and the image be in none
      g.out[axis] = pointwise ? g.in[axis] : from(1, 9);
    }
    const std::int64_t first = from(0, g.pixels() - 1), last = from(first + 1, g.pixels());
    std::vector<const std::uint8_t*> made(static_cast<std::size_t>((last - first) * g.taps()) + 1), expected = made;
    fill_indirection(g, first, last, input.data(), zero_row.data(), made.data());
    for (std::int64_t pixel = first; pixel < last; ++pixel) {
      for (std::int64_t tap = 0; tap < g.taps(); ++tap) {
        expected[static_cast<std::size_t>((pixel - first) * g.taps() + tap)] =
            pixel_under(g, pixel, tap, input.data(), zero_row.data());
      }
    }
    REQUIRE(made == expected);
  }
}
