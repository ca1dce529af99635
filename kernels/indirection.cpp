// SPDX-License-Identifier: Apache-2.0
#include "kernels/indirection.h"

#include <algorithm>

namespace octet::kernels {
namespace {

// Where the pointers of consecutive pixels go, `taps` apart, and what they point to.
struct PointerRun {
  const std::uint8_t** out;
  std::int64_t taps, pixels;
  const std::uint8_t* at;   // under the first tap of the first pixel
  std::int64_t next, step;  // bytes to the next tap, to the next pixel
};

// kWidth taps side by side; 0: `width`. Constant, the loop over them is a few stores.
template <std::int64_t kWidth>
void fill_run(PointerRun run, std::int64_t width = kWidth) noexcept {
  if (kWidth != 0) width = kWidth;
  for (; run.pixels > 0; --run.pixels, run.at += run.step, run.out += run.taps) {
    for (std::int64_t kx = 0; kx < width; ++kx) run.out[kx] = run.at + kx * run.next;
  }
}

// Whether every output pixel reads the input pixel of the same number.
bool is_pointwise(const ConvGeometry& g) {
  const std::array<std::int64_t, 2> ones{1, 1}, zeros{0, 0};
  return g.kernel == ones && g.stride == ones && g.pad == zeros && g.in == g.out;
}

// One row of taps for output columns [first, last) of one output row.
class TapRow {
 public:
  explicit TapRow(const ConvGeometry& g) : g_(g) {
    // Columns of the output whose taps are all inside the image.
    const std::int64_t reach = g.in[1] - 1 + g.pad[1] - (g.kernel[1] - 1) * g.dilation[1];
    inside_first_ = (g.pad[1] + g.stride[1] - 1) / g.stride[1];
    inside_last_ = reach < 0 ? 0 : reach / g.stride[1] + 1;
  }

  // `row` is nullptr outside the image.
  void fill(const std::uint8_t* row, const std::uint8_t* zero_row, std::int64_t first, std::int64_t last,
            const std::uint8_t** out) const noexcept {
    if (row == nullptr) return inside(zero_row, 0, 0, last - first, out);
    const std::int64_t from = std::clamp(inside_first_, first, last), to = std::clamp(inside_last_, from, last);
    border(row, zero_row, first, from, out);
    const std::int64_t column = from * g_.stride[1] - g_.pad[1], pixel = g_.in_channels;
    inside(row + (from < to ? column * pixel : 0), g_.dilation[1] * pixel, g_.stride[1] * pixel, to - from,
           out + (from - first) * g_.taps());
    border(row, zero_row, to, last, out + (to - first) * g_.taps());
  }

 private:
  void inside(const std::uint8_t* at, std::int64_t next, std::int64_t step, std::int64_t pixels,
              const std::uint8_t** out) const noexcept {
    const PointerRun run{out, g_.taps(), pixels, at, next, step};
    if (g_.kernel[1] == 1) return fill_run<1>(run);
    if (g_.kernel[1] == 3) return fill_run<3>(run);
    fill_run<0>(run, g_.kernel[1]);
  }

  void border(const std::uint8_t* row, const std::uint8_t* zero_row, std::int64_t first, std::int64_t last,
              const std::uint8_t** out) const noexcept {
    for (std::int64_t ox = first; ox < last; ++ox, out += g_.taps()) {
      for (std::int64_t kx = 0; kx < g_.kernel[1]; ++kx) {
        const std::int64_t ix = ox * g_.stride[1] - g_.pad[1] + kx * g_.dilation[1];
        out[kx] = ix >= 0 && ix < g_.in[1] ? row + ix * g_.in_channels : zero_row;
      }
    }
  }

  const ConvGeometry& g_;
  std::int64_t inside_first_, inside_last_;
};

}  // namespace

void fill_indirection(const ConvGeometry& g, std::int64_t first, std::int64_t last, const std::uint8_t* input,
                      const std::uint8_t* zero_row, const std::uint8_t** pointers) noexcept {
  if (is_pointwise(g)) {
    for (std::int64_t pixel = first; pixel < last; ++pixel) pointers[pixel - first] = input + pixel * g.in_channels;
    return;
  }
  const TapRow taps(g);
  const std::int64_t row_bytes = g.in[1] * g.in_channels;
  for (std::int64_t pixel = first; pixel < last;) {
    const std::int64_t ox = pixel % g.out[1], oy = pixel / g.out[1] % g.out[0], n = pixel / g.out[1] / g.out[0];
    const std::int64_t end = std::min(g.out[1], ox + last - pixel);
    for (std::int64_t ky = 0; ky < g.kernel[0]; ++ky) {
      const std::int64_t iy = oy * g.stride[0] - g.pad[0] + ky * g.dilation[0];
      const bool inside = iy >= 0 && iy < g.in[0];
      taps.fill(inside ? input + (n * g.in[0] + iy) * row_bytes : nullptr, zero_row, ox, end,
                pointers + ky * g.kernel[1]);
    }
    pointers += (end - ox) * g.taps();
    pixel += end - ox;
  }
}

}  // namespace octet::kernels
