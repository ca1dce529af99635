// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "kernels/ops/conv2d.h"
#include "kernels/packed_gemm.h"

namespace octet::kernels {
namespace {

// With 3 channels, 7x7 taps of 3 bytes would waste most of the GEMM's k on padding; 7 taps of 21
// adjacent bytes waste little. That needs rows that are padded in memory, so a band of output rows
// first copies the input rows that it reads: small beside the multiplications, and always in cache.
class FirstLayerConv final : public Prepared {
 public:
  FirstLayerConv(const OpContext& ctx, const ConvGeometry& g, PackedGemm gemm)
      : g_(g),
        gemm_(std::move(gemm)),
        label_(fmt::format("{} gemm {}x{} first layer", ctx.backend.name, g.kernel[0], g.kernel[1])),
        zero_(ctx.inputs[0].quant->zero_point[0]),
        row_bytes_(static_cast<std::size_t>(((g.out[1] - 1) * g.stride[1] + g.kernel[1]) * g.in_channels)),
        band_(std::clamp<std::int64_t>(kPixelsPerBand / g.out[1], 1, g.out[0])) {
    const std::int64_t rows = g.batch * g.out[0];
    slices_ = slices_for(rows, rows == 0 ? 0 : g.macs() / static_cast<double>(rows), ctx.threads);
  }

  std::size_t scratch_bytes() const override { return copy_bytes() + pointer_bytes(); }
  int slices() const override { return slices_; }

  void run(const Io& io, int slice) const noexcept override {
    std::byte* const scratch = io.scratch + static_cast<std::size_t>(slice) * scratch_bytes();
    point_into(scratch);
    const Range rows = share_of(g_.batch * g_.out[0], slice, slices_);
    for (std::int64_t row = rows.first; row < rows.last;) {
      const std::int64_t image_end = (row / g_.out[0] + 1) * g_.out[0];
      const std::int64_t end = std::min({row + band_, rows.last, image_end});
      run_band(io, row, end - row, scratch);
      row = end;
    }
  }

  std::string kernel() const override { return label_ + gemm_.note(); }
  std::size_t weight_bytes() const override { return gemm_.weight_bytes(); }
  double macs() const override { return g_.macs(); }

 private:
  static constexpr std::int64_t kPixelsPerBand = 256;

  // Input rows under a band of output rows.
  std::int64_t rows_under(std::int64_t band) const {
    return (band - 1) * g_.stride[0] + (g_.kernel[0] - 1) * g_.dilation[0] + 1;
  }
  std::size_t copy_bytes() const {
    return round_up(static_cast<std::size_t>(rows_under(band_)) * row_bytes_ + kOverread, 64);
  }
  std::size_t pointer_bytes() const {
    return round_up(static_cast<std::size_t>(band_ * g_.out[1] * g_.kernel[0]) * sizeof(void*), 64);
  }

  // (band_, ow, kh) the same for every band, since each is copied to the same place.
  void point_into(std::byte* scratch) const noexcept {
    const auto* const copy = reinterpret_cast<const std::uint8_t*>(scratch);
    auto** next = reinterpret_cast<const std::uint8_t**>(scratch + copy_bytes());
    for (std::int64_t y = 0; y < band_; ++y) {
      for (std::int64_t x = 0; x < g_.out[1]; ++x) {
        for (std::int64_t ky = 0; ky < g_.kernel[0]; ++ky) {
          const auto r = static_cast<std::size_t>(y * g_.stride[0] + ky * g_.dilation[0]);
          *next++ = copy + r * row_bytes_ + x * g_.stride[1] * g_.in_channels;
        }
      }
    }
  }

  // `band` output rows from `row` on, counted over (batch, out height), within one image.
  void run_band(const Io& io, std::int64_t row, std::int64_t band, std::byte* scratch) const noexcept {
    auto* const copy = reinterpret_cast<std::uint8_t*>(scratch);                             // (rows, row_bytes)
    auto** const pointers = reinterpret_cast<const std::uint8_t**>(scratch + copy_bytes());  // (band, ow, kh)
    const std::int64_t image = row / g_.out[0], oy = row % g_.out[0];
    const std::int64_t top = oy * g_.stride[0] - g_.pad[0];
    for (std::int64_t r = 0; r < rows_under(band); ++r) {
      copy_row(io.input<std::uint8_t>(0), image, top + r, copy + static_cast<std::size_t>(r) * row_bytes_);
    }
    const auto first = static_cast<std::size_t>(row * g_.out[1]);
    const std::size_t stride = gemm_.columns();
    gemm_.run(0, gemm_.blocks(),
              {.pointers = pointers,
               .m = static_cast<std::size_t>(band * g_.out[1]),
               .out = io.outputs[0] + first * stride * gemm_.out_size(),
               .out_stride = stride,
               .residual = gemm_.has_add() ? io.input<std::uint8_t>(3) + first * stride : nullptr,
               .residual_stride = stride,
               .zeros = nullptr},
              pointers);
  }

  // Input row iy from column -pad on, zero points outside the image.
  void copy_row(const std::uint8_t* input, std::int64_t image, std::int64_t iy, std::uint8_t* out) const noexcept {
    if (iy < 0 || iy >= g_.in[0]) {
      std::memset(out, zero_, row_bytes_);
      return;
    }
    const std::size_t left = std::min(static_cast<std::size_t>(g_.pad[1] * g_.in_channels), row_bytes_);
    const std::size_t middle = std::min(static_cast<std::size_t>(g_.in[1] * g_.in_channels), row_bytes_ - left);
    std::memset(out, zero_, left);
    std::memcpy(out + left, input + (image * g_.in[0] + iy) * g_.in[1] * g_.in_channels, middle);
    std::memset(out + left + middle, zero_, row_bytes_ - left - middle);
  }

  ConvGeometry g_;
  PackedGemm gemm_;
  std::string label_;
  std::int32_t zero_;
  std::size_t row_bytes_;  // of a padded input row
  std::int64_t band_;      // output rows at a time
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_conv2d_first_layer(const OpContext& ctx, const ConvGeometry& g) {
  const auto& attrs = std::get<graph::Conv2dAttrs>(ctx.attrs);
  const auto channels = static_cast<std::size_t>(g.in_channels), columns = static_cast<std::size_t>(g.out_channels);
  const auto kh = static_cast<std::size_t>(g.kernel[0]), kw = static_cast<std::size_t>(g.kernel[1]);
  const Operand& w = ctx.inputs[1];  // (out, in, kh, kw)
  const auto gather = [&] {
    return gather_weights(w.constant_as<std::uint8_t>(), flip_to_s8(w), 1, columns, kh, kw * channels,
                          [&](std::size_t c, std::size_t ky, std::size_t p) {  // p = kx * channels + channel
                            return ((c * channels + p % channels) * kh + ky) * kw + p / channels;
                          });
  };
  Result<PackedGemm> gemm = make_packed_gemm(ctx, {1, columns, kh, kw * channels}, WeightOrder::kernel_rows, gather,
                                             attrs.clamp, attrs.residual.present ? &attrs.residual : nullptr);
  if (!gemm) return gemm.status();
  return PreparedOp(std::make_unique<FirstLayerConv>(ctx, g, std::move(*gemm)));
}

}  // namespace octet::kernels
