// SPDX-License-Identifier: Apache-2.0
// Max and average pooling of codes, channels last: each output pixel is one call of a slot over the
// rows of channels that its window covers. Padding is left out, never read.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "kernels/codes.h"
#include "kernels/float_ops.h"
#include "kernels/mean.h"
#include "kernels/table.h"
#include "kernels/window.h"

namespace octet::kernels {

namespace {

struct PoolShape {
  std::int64_t batch, height, width, channels;  // of the input
  std::int64_t dilation_h, dilation_w;
  std::vector<Overlap> rows, columns;  // (out height), (out width)

  std::int64_t most_taps() const {
    const auto most = [](const std::vector<Overlap>& overlaps) {
      return std::max_element(overlaps.begin(), overlaps.end(),
                              [](const Overlap& a, const Overlap& b) { return a.taps < b.taps; })
          ->taps;
    };
    return most(rows) * most(columns);
  }
};

// Walks the output; Pixel says what to do with the taps of one pixel.
template <class Pixel>
class PoolOp final : public Prepared {
 public:
  PoolOp(const OpContext& ctx, PoolShape shape, Pixel pixel)
      : shape_(std::move(shape)),
        pixel_(std::move(pixel)),
        most_taps_(shape_.most_taps()),
        kernel_(fmt::format("{} {}", ctx.backend.name, Pixel::kForm)) {
    const double row_cost =
        static_cast<double>(shape_.columns.size()) * static_cast<double>(most_taps_ * shape_.channels);
    slices_ = slices_for(row_count(), row_cost, ctx.threads);
  }

  int slices() const override { return slices_; }
  // (most taps) row pointers, then one row of channels for the pixel's own use
  std::size_t scratch_bytes() const override {
    const std::size_t bytes =
        static_cast<std::size_t>(most_taps_) * sizeof(const std::uint8_t*) + static_cast<std::size_t>(shape_.channels);
    return (bytes + 63) / 64 * 64;
  }
  std::string kernel() const override { return kernel_; }

  void run(const Io& io, int slice) const noexcept override {
    std::byte* scratch = io.scratch + static_cast<std::size_t>(slice) * scratch_bytes();
    auto** taps = reinterpret_cast<const std::uint8_t**>(scratch);
    auto* spare = reinterpret_cast<std::uint8_t*>(taps + most_taps_);
    const std::int64_t pixel_bytes = shape_.channels;
    const Range share = share_of(row_count(), slice, slices_);
    const auto out_height = static_cast<std::int64_t>(shape_.rows.size());
    const auto out_width = static_cast<std::int64_t>(shape_.columns.size());
    for (std::int64_t unit = share.first; unit < share.last; ++unit) {
      const Overlap& row = shape_.rows[static_cast<std::size_t>(unit % out_height)];
      const std::uint8_t* image =
          io.input<std::uint8_t>(0) + unit / out_height * shape_.height * shape_.width * pixel_bytes;
      std::uint8_t* out = io.output<std::uint8_t>() + unit * out_width * pixel_bytes;
      for (std::int64_t x = 0; x < out_width; ++x, out += pixel_bytes) {
        const Overlap& column = shape_.columns[static_cast<std::size_t>(x)];
        std::size_t n = 0;
        for (std::int64_t ky = 0; ky < row.taps; ++ky) {
          const std::uint8_t* line = image + (row.first + ky * shape_.dilation_h) * shape_.width * pixel_bytes;
          for (std::int64_t kx = 0; kx < column.taps; ++kx) {
            taps[n++] = line + (column.first + kx * shape_.dilation_w) * pixel_bytes;
          }
        }
        pixel_(taps, n, row, column, static_cast<std::size_t>(shape_.channels), spare, out);
      }
    }
  }

 private:
  std::int64_t row_count() const { return shape_.batch * static_cast<std::int64_t>(shape_.rows.size()); }

  PoolShape shape_;
  Pixel pixel_;
  std::int64_t most_taps_;
  int slices_ = 1;
  std::string kernel_;
};

struct MaxPixel {
  static constexpr const char* kForm = "max_pool";
  MaxPoolFn max_pool;
  LookupFn lookup;
  std::optional<Table> table;  // where the output has other parameters
  std::uint8_t lowest;         // of a window that lies in padding altogether

  void operator()(const std::uint8_t* const* taps, std::size_t n, const Overlap&, const Overlap&, std::size_t channels,
                  std::uint8_t* spare, std::uint8_t* out) const {
    std::uint8_t* target = table ? spare : out;
    if (n == 0) {
      std::memset(target, lowest, channels);
    } else {
      max_pool(taps, n, channels, target);
    }
    if (table) lookup(table->data(), spare, out, channels);
  }
};

struct AveragePixel {
  static constexpr const char* kForm = "avg_pool";
  AvgPoolFn avg_pool;
  Codes out;
  RequantMode mode;
  bool count_padding;
  std::vector<MeanScale> scales;  // by (taps, counted), sorted
  std::vector<std::pair<std::int64_t, std::int64_t>> keys;

  std::pair<std::int64_t, std::int64_t> key(const Overlap& row, const Overlap& column) const {
    const std::int64_t taps = row.taps * column.taps;
    return {taps, count_padding ? row.counted * column.counted : taps};
  }
  void operator()(const std::uint8_t* const* taps, std::size_t n, const Overlap& row, const Overlap& column,
                  std::size_t channels, std::uint8_t*, std::uint8_t* target) const {
    if (n == 0) {  // nothing but padding, which stands for 0
      std::memset(target, out.zero_point & 0xFF, channels);
      return;
    }
    const auto found = std::lower_bound(keys.begin(), keys.end(), key(row, column));
    avg_pool(taps, n, channels, scales[static_cast<std::size_t>(found - keys.begin())].requant(out, mode), target);
  }
};

std::vector<Overlap> distinct(const std::vector<Overlap>& overlaps) {
  std::vector<Overlap> kinds;
  for (Overlap overlap : overlaps) {
    overlap.first = 0;
    if (std::find(kinds.begin(), kinds.end(), overlap) == kinds.end()) kinds.push_back(overlap);
  }
  return kinds;
}

// The constants of every window size that occurs.
AveragePixel average_pixel(const OpContext& ctx, const PoolShape& shape, const Codes& in, const Codes& out,
                           bool count_padding) {
  AveragePixel pixel{.avg_pool = ctx.backend.avg_pool,
                     .out = out,
                     .mode = ctx.requant,
                     .count_padding = count_padding,
                     .scales = {},
                     .keys = {}};
  for (const Overlap& row : distinct(shape.rows)) {
    for (const Overlap& column : distinct(shape.columns)) {
      if (row.taps * column.taps > 0) pixel.keys.push_back(pixel.key(row, column));
    }
  }
  std::sort(pixel.keys.begin(), pixel.keys.end());
  pixel.keys.erase(std::unique(pixel.keys.begin(), pixel.keys.end()), pixel.keys.end());
  for (const auto& [taps, n] : pixel.keys) pixel.scales.push_back(mean_scale(in, out, taps, n, ctx.requant));
  return pixel;
}

}  // namespace

Result<PreparedOp> prepare_pool(const OpContext& ctx) {
  const Operand& x = ctx.inputs[0];
  const Operand& y = ctx.outputs[0];
  if (!is_code_type(y.dtype)) return fp32::prepare_pool(ctx);
  const auto& attrs = std::get<graph::PoolAttrs>(ctx.attrs);
  const Result<Codes> in = activation_codes_of(ctx, x, "the input");
  if (!in.ok()) return in.status();
  const Result<Codes> out = activation_codes_of(ctx, y, "the output");
  if (!out.ok()) return out.status();
  for (const Operand* operand : {&x, &y}) {
    const Result<std::int64_t> count = count_of(ctx, *operand, "an operand");
    if (!count.ok()) return count.status();
  }
  if (!attrs.channels_last || x.shape.rank() != 4 || y.shape.rank() != 4) {
    return ctx.error(fmt::format("shape {}: int8 pooling takes images with channels last", to_string(x.shape)));
  }
  if (x.shape[0] != y.shape[0] || x.shape[3] != y.shape[3]) {
    return ctx.error(
        fmt::format("output {} does not have the batch and channels of {}", to_string(y.shape), to_string(x.shape)));
  }
  const graph::Window& w = attrs.window;
  const auto axis = [&](std::size_t i) {
    const std::int64_t size = x.shape[static_cast<int>(i) + 1], positions = y.shape[static_cast<int>(i) + 1];
    return attrs.global
               ? WindowAxis{size, positions, size, 1, 1, 0, 0}
               : WindowAxis{size, positions, w.kernel[i], w.stride[i], w.dilation[i], w.pad_begin[i], w.pad_end[i]};
  };
  std::optional<std::vector<Overlap>> rows = overlaps(axis(0));
  std::optional<std::vector<Overlap>> columns = overlaps(axis(1));
  if (!rows || !columns || (attrs.global && (y.shape[1] != 1 || y.shape[2] != 1))) {
    return ctx.error(fmt::format("windows over {} do not give {}", to_string(x.shape), to_string(y.shape)));
  }
  PoolShape shape{.batch = x.shape[0],
                  .height = x.shape[1],
                  .width = x.shape[2],
                  .channels = x.shape[3],
                  .dilation_h = attrs.global ? 1 : w.dilation[0],
                  .dilation_w = attrs.global ? 1 : w.dilation[1],
                  .rows = std::move(*rows),
                  .columns = std::move(*columns)};
  if (shape.most_taps() > kMostMeanTaps) {
    return ctx.error(fmt::format("a window covers {} elements: must be at most {}", shape.most_taps(), kMostMeanTaps));
  }
  if (attrs.kind == graph::PoolKind::max) {
    const Result<std::optional<Table>> table = relabelling(ctx, x, y);
    if (!table.ok()) return table.status();
    const auto lowest = static_cast<std::uint8_t>(code_range(in->dtype).min);
    return PreparedOp(std::make_unique<PoolOp<MaxPixel>>(
        ctx, std::move(shape), MaxPixel{ctx.backend.max_pool, ctx.backend.lookup, *table, lowest}));
  }
  AveragePixel pixel = average_pixel(ctx, shape, *in, *out, attrs.count_include_pad);
  return PreparedOp(std::make_unique<PoolOp<AveragePixel>>(ctx, std::move(shape), std::move(pixel)));
}

}  // namespace octet::kernels
