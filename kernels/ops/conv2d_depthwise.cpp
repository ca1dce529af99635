// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "kernels/epilogue.h"
#include "kernels/layer_weights.h"
#include "kernels/ops/conv2d.h"

namespace octet::kernels {
namespace {

// The kernel takes s8 weights without zero points. A difference w - zw may need a bit more: what one
// row of taps cannot hold of it goes to a further row that reads the same pixels, which few layers
// need, and one row at that.
struct DepthwiseWeights {
  std::vector<std::int64_t> rows;  // ky of every row of taps: all, then further ones, the first of them once more
  AlignedBytes packed;             // (rows, kw, channels padded to 64), and zeros for a further row
};

// differences (channels, kh, kw)
DepthwiseWeights pack_differences(const std::vector<std::int32_t>& differences, const ConvGeometry& g) {
  const auto kw = static_cast<std::size_t>(g.kernel[1]), taps = static_cast<std::size_t>(g.taps());
  const std::size_t padded = round_up(static_cast<std::size_t>(g.in_channels), 64);
  std::vector<std::int32_t> rest = differences;
  std::vector<std::int8_t> codes;
  DepthwiseWeights weights;
  const auto add_row = [&](std::size_t ky) {
    const std::size_t first = codes.size();
    codes.resize(first + kw * padded);
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const std::size_t channel = i / taps, kx = i % kw;
      if (i % taps / kw != ky) continue;
      const auto code = static_cast<std::int8_t>(std::clamp(rest[i], -128, 127));
      codes[first + kx * padded + channel] = code;
      rest[i] -= code;
    }
    weights.rows.push_back(static_cast<std::int64_t>(ky));
  };
  // ky of the first difference that is not `fine`, else `none`
  const auto first_row = [&](auto fine, std::size_t none) {
    const auto found = std::ranges::find_if_not(rest, fine);
    return found == rest.end() ? none : static_cast<std::size_t>(found - rest.begin()) % taps / kw;
  };
  const std::size_t kh = taps / kw;
  const std::size_t last = first_row([](std::int32_t d) { return -128 <= d && d <= 127; }, kh - 1);
  for (std::size_t ky = 0; ky < kh; ++ky) {
    if (ky != last) add_row(ky);
  }
  for (std::size_t ky = last; ky != kh; ky = first_row([](std::int32_t d) { return d == 0; }, kh)) add_row(ky);
  weights.packed = allocate_aligned(codes.size() + kw * padded + kOverread);
  std::memcpy(weights.packed.get(), codes.data(), codes.size());
  return weights;
}

// Where the backend has a kernel for whole rows of 3x3 windows, a call gives it those. Else output pixels whose taps
// all lie inside the width are one run per row, the few left and right of them runs of one pixel, and one call takes
// such a run in many rows. Taps above or below the image read a strip of zero points that is as long as a run, so top
// and bottom rows need nothing of their own.
class DepthwiseConv final : public Prepared {
 public:
  DepthwiseConv(const OpContext& ctx, const ConvGeometry& g, DepthwiseWeights weights, Epilogue epilogue)
      : g_(g),
        backend_(ctx.backend),
        weights_(std::move(weights)),
        epilogue_(std::move(epilogue)),
        channels_(static_cast<std::size_t>(g.in_channels)),
        step_(static_cast<std::size_t>(g.stride[1] * g.in_channels)),
        zeros_(static_cast<std::size_t>(g.out[1] - 1) * step_ +
                   static_cast<std::size_t>((g.kernel[1] - 1) * g.dilation[1] + 1) * channels_ + kOverread,
               static_cast<std::uint8_t>(ctx.inputs[0].quant->zero_point[0])) {
    const std::int64_t rows = g.batch * g.out[0];
    whole_rows_ = ctx.backend.depthwise3x3 != nullptr && g.kernel[0] == 3 && g.kernel[1] == 3 &&
                  weights_.rows.size() <= 4 && g.dilation[1] == 1 && g.stride[1] <= 2 && g.pad[1] <= 1 &&
                  epilogue_.finish != Finish::accumulators;
    slices_ = slices_for(rows, rows == 0 ? 0 : g.macs() / static_cast<double>(rows), ctx.threads);
    rows_at_once_ = std::clamp<std::int64_t>(kPointersAtOnce / taps(), 1, std::max<std::int64_t>(rows, 1));
    const auto row_codes = static_cast<std::int64_t>(row_elements());
    const std::int64_t row_bytes = row_codes + g.stride[0] * g.in[1] * g.in_channels;
    rows_at_once_ = std::min(rows_at_once_, std::max(kLeastRows, kBytesAtOnce / row_bytes));
    if (epilogue_.add) rows_at_once_ = std::clamp<std::int64_t>(kCodesAtOnce / row_codes, 1, rows_at_once_);
    // Pixels x with 0 <= x*stride - pad and x*stride - pad + span < width.
    const std::int64_t span = (g.kernel[1] - 1) * g.dilation[1];
    const std::int64_t room = g.in[1] - 1 - span + g.pad[1];
    inner_.first = std::min((g.pad[1] + g.stride[1] - 1) / g.stride[1], g.out[1]);
    inner_.last = std::clamp(room < 0 ? 0 : room / g.stride[1] + 1, inner_.first, g.out[1]);
  }

  // The taps of one call, and the rows of codes on their way to the residual add.
  std::size_t scratch_bytes() const override { return tap_bytes() + (epilogue_.add ? code_bytes() : 0); }
  int slices() const override { return slices_; }

  void run(const Io& io, int slice) const noexcept override {
    std::byte* const scratch = io.scratch + static_cast<std::size_t>(slice) * scratch_bytes();
    const Range rows = share_of(g_.batch * g_.out[0], slice, slices_);
    for (std::int64_t row = rows.first; row < rows.last; row += rows_at_once_) {
      run_rows(io, {row, std::min(row + rows_at_once_, rows.last)}, scratch);
    }
  }

  std::string kernel() const override {
    return fmt::format("{} depthwise {}x{}", backend_.name, g_.kernel[0], g_.kernel[1]);
  }
  std::size_t weight_bytes() const override { return static_cast<std::size_t>(taps()) * round_up(channels_, 64); }
  double macs() const override { return g_.macs(); }

 private:
  static constexpr std::int64_t kPointersAtOnce = 2048;    // 16 KiB: stays in the first-level cache
  static constexpr std::int64_t kCodesAtOnce = 128 << 10;  // likewise in the second
  // A kernel passes over all pixels of a call once per block of channels: they should not have to come from far
  // each time. It also rearranges weights once per call, which a few rows must share.
  static constexpr std::int64_t kBytesAtOnce = 256 << 10, kLeastRows = 4;

  std::size_t row_elements() const { return static_cast<std::size_t>(g_.out[1]) * channels_; }
  std::int64_t taps() const { return static_cast<std::int64_t>(weights_.rows.size()) * g_.kernel[1]; }
  std::size_t tap_bytes() const {
    return round_up(static_cast<std::size_t>(rows_at_once_ * taps()) * sizeof(void*), 64);
  }
  std::size_t code_bytes() const {
    return round_up(static_cast<std::size_t>(rows_at_once_) * row_elements() + kOverread, 64);
  }

  // Output rows counted over (batch, out height).
  void run_rows(const Io& io, Range rows, std::byte* scratch) const noexcept {
    const std::size_t at = static_cast<std::size_t>(rows.first) * row_elements();
    const std::size_t n = static_cast<std::size_t>(rows.last - rows.first) * row_elements();
    std::byte* const out = io.outputs[0] + at * epilogue_.out_size();
    std::byte* const codes = epilogue_.add ? scratch + tap_bytes() : out;
    auto** const taps = reinterpret_cast<const std::uint8_t**>(scratch);
    if (whole_rows_) {
      run_whole(io, rows, codes, taps);
    } else {
      for (std::int64_t x = 0; x < inner_.first; ++x) run_pixels(io, rows, {x, x + 1}, codes, taps);
      if (inner_.first < inner_.last) run_pixels(io, rows, inner_, codes, taps);
      for (std::int64_t x = inner_.last; x < g_.out[1]; ++x) run_pixels(io, rows, {x, x + 1}, codes, taps);
    }
    if (epilogue_.add) {
      backend_.add(*epilogue_.add, reinterpret_cast<std::uint8_t*>(codes), 1, io.input<std::uint8_t>(3) + at, 1,
                   reinterpret_cast<std::uint8_t*>(out), n);
    }
    if (!epilogue_.to_floats()) return;
    for (std::size_t i = 0; i < n; i += channels_) epilogue_.make_floats(out + i * sizeof(float), 0, channels_);
  }

  void run_whole(const Io& io, Range rows, std::byte* out, const std::uint8_t** image_rows) const noexcept {
    const std::uint8_t** next = image_rows;
    for (std::int64_t row = rows.first; row < rows.last; ++row) {
      for (std::size_t i = 0; i < 3; ++i) *next++ = image_row(io.input<std::uint8_t>(0), row, weights_.rows[i]);
    }
    const Requant requant = epilogue_.requant(0);
    backend_.depthwise3x3({.rows = image_rows,
                           .n_rows = static_cast<std::size_t>(rows.last - rows.first),
                           .count = static_cast<std::size_t>(g_.out[1]),
                           .channels = channels_,
                           .stride = static_cast<std::size_t>(g_.stride[1]),
                           .left = static_cast<std::size_t>(g_.pad[1]),
                           .width = static_cast<std::size_t>(g_.in[1]),
                           .zero = zeros_.front(),
                           .weights = reinterpret_cast<const std::int8_t*>(weights_.packed.get()),
                           .out = reinterpret_cast<std::uint8_t*>(out),
                           .requant = &requant});
  }

  // The image row of tap row ky, counted over (batch, out height); of zero points above and below the image.
  const std::uint8_t* image_row(const std::uint8_t* input, std::int64_t row, std::int64_t ky) const noexcept {
    const std::int64_t image = row / g_.out[0];
    const std::int64_t iy = row % g_.out[0] * g_.stride[0] - g_.pad[0] + ky * g_.dilation[0];
    if (iy < 0 || iy >= g_.in[0]) return zeros_.data();
    return input + (image * g_.in[0] + iy) * g_.in[1] * g_.in_channels;
  }

  // `pixels` of each of `rows`; out is where the first row begins.
  void run_pixels(const Io& io, Range rows, Range pixels, std::byte* out, const std::uint8_t** taps) const noexcept {
    fill_taps(io.input<std::uint8_t>(0), rows, pixels.first, taps);
    const Requant requant = epilogue_.requant(0);
    std::byte* const at = out + static_cast<std::size_t>(pixels.first) * channels_ * epilogue_.out_size();
    backend_.depthwise({.taps = taps,
                        .kh = weights_.rows.size(),
                        .kw = static_cast<std::size_t>(g_.kernel[1]),
                        .step = step_,
                        .rows = static_cast<std::size_t>(rows.last - rows.first),
                        .count = static_cast<std::size_t>(pixels.last - pixels.first),
                        .channels = channels_,
                        .weights = reinterpret_cast<const std::int8_t*>(weights_.packed.get()),
                        .out = reinterpret_cast<std::uint8_t*>(at),
                        .out_stride = channels_,
                        .out_row_stride = row_elements(),
                        .requant = &requant});
  }

  // taps (rows, weights_.rows, kw): what output pixel `x` of each row reads.
  void fill_taps(const std::uint8_t* input, Range rows, std::int64_t x, const std::uint8_t** taps) const noexcept {
    for (std::int64_t row = rows.first; row < rows.last; ++row) {
      for (const std::int64_t ky : weights_.rows) {
        const std::uint8_t* const first = image_row(input, row, ky);
        for (std::int64_t kx = 0; kx < g_.kernel[1]; ++kx) {
          const std::int64_t ix = x * g_.stride[1] - g_.pad[1] + kx * g_.dilation[1];
          const bool inside = first != zeros_.data() && ix >= 0 && ix < g_.in[1];
          // Rows of zero points advance like any other row: kernels look for columns that outputs share.
          *taps++ = inside ? first + ix * g_.in_channels : zeros_.data() + kx * g_.dilation[1] * g_.in_channels;
        }
      }
    }
  }

  ConvGeometry g_;
  Backend backend_;
  DepthwiseWeights weights_;
  Epilogue epilogue_;
  std::size_t channels_, step_;      // step: from one output pixel's taps to the next
  std::vector<std::uint8_t> zeros_;  // zero points, as many as the taps of a whole row span
  Range inner_{0, 0};                // output pixels whose taps all lie inside the width
  bool whole_rows_ = false;          // Backend::depthwise3x3 takes this
  std::int64_t rows_at_once_ = 1;
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_conv2d_depthwise(const OpContext& ctx, const ConvGeometry& g) {
  const auto& attrs = std::get<graph::Conv2dAttrs>(ctx.attrs);
  const auto channels = static_cast<std::size_t>(g.in_channels), taps = static_cast<std::size_t>(g.taps());
  const Operand& w = ctx.inputs[1];  // (channels, 1, kh, kw)
  if (ctx.weights != nullptr) {
    if (Status status = ctx.weights->before_reading(w.constant); !status) return ctx.error(status.message());
  }
  const WeightMatrix weights = gather_weights(w.constant_as<std::uint8_t>(), flip_to_s8(w), channels, 1, taps, 1,
                                              [&](std::size_t c, std::size_t t, std::size_t) { return c * taps + t; });
  Result<WeightQuant> quant = weight_quant(ctx, 0, channels);
  if (!quant) return quant.status();
  std::vector<std::int32_t> differences;  // w - zw (channels, kh, kw)
  std::vector<ColumnSums> sums(channels);
  for (std::size_t c = 0; c < channels; ++c) {
    for (const std::int32_t code : weights.column(c)) {
      const std::int32_t difference = code - quant->zero_point[c];
      differences.push_back(difference);
      sums[c].codes += difference;
      sums[c].distance += std::abs(difference);
    }
    quant->zero_point[c] = 0;
  }
  Result<Epilogue> epilogue =
      make_epilogue(ctx, *quant, sums, taps, attrs.clamp, attrs.residual.present ? &attrs.residual : nullptr);
  if (!epilogue) return epilogue.status();
  return PreparedOp(std::make_unique<DepthwiseConv>(ctx, g, pack_differences(differences, g), *std::move(epilogue)));
}

}  // namespace octet::kernels
