// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "kernels/float_ops.h"
#include "kernels/fp32/checks.h"
#include "kernels/fp32/ordered.h"
#include "kernels/fp32/taps.h"

namespace octet::kernels::fp32 {
namespace {

// By how much one axis divides an average: the window's elements inside the image, or inside the
// padded image. What ceil_mode lets the window hang over beyond that never counts.
std::vector<std::int64_t> divisors(const AxisWindow& window, std::int64_t pad_end, const AxisTaps& taps,
                                   bool count_include_pad) {
  std::vector<std::int64_t> counts;
  counts.reserve(taps.at.size());
  if (!count_include_pad) {
    for (const AxisTaps::At& at : taps.at) counts.push_back(at.count);
    return counts;
  }
  AxisWindow padded = window;  // the same window over an image that the padding is part of
  padded.in += window.pad_begin + pad_end;
  padded.pad_begin = 0;
  for (const AxisTaps::At& at : window_taps(padded).at) counts.push_back(at.count);
  return counts;
}

// A unit is up to kBlock channels of one output pixel. A window that lies in the padding alone gives
// -inf as maximum and 0 as average.
class Pool final : public Prepared {
 public:
  Pool(const OpContext& context, const graph::PoolAttrs& attrs, const graph::Window& window)
      : kind_(attrs.kind), in_(context.inputs[0].shape), out_(context.outputs[0].shape) {
    const AxisWindow vertical = axis_window(window, in_, out_, 0), horizontal = axis_window(window, in_, out_, 1);
    rows_ = window_taps(vertical);
    columns_ = window_taps(horizontal);
    row_divisors_ = divisors(vertical, window.pad_end[0], rows_, attrs.count_include_pad);
    column_divisors_ = divisors(horizontal, window.pad_end[1], columns_, attrs.count_include_pad);
    blocks_ = (out_[3] + kBlock - 1) / kBlock;
    units_ = out_[0] * out_[1] * out_[2] * blocks_;
    const double window_size = static_cast<double>(std::min(window.kernel[0], in_[1])) *
                               static_cast<double>(std::min(window.kernel[1], in_[2]));
    slices_ = slices_for(units_, window_size * static_cast<double>(std::min(kBlock, out_[3])), context.threads);
  }

  int slices() const override { return slices_; }
  std::string kernel() const override { return kind_ == graph::PoolKind::max ? "fp32 max pool" : "fp32 average pool"; }

  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(units_, slice, slices_);
    for (std::int64_t unit = range.first; unit < range.last; ++unit) {
      const std::int64_t pixel = unit / blocks_, channel = unit % blocks_ * kBlock;
      const std::int64_t x = pixel % out_[2], y = pixel / out_[2] % out_[1], batch = pixel / out_[2] / out_[1];
      const float* image = io.input<float>(0) + batch * in_[1] * in_[2] * in_[3] + channel;
      float* out = io.output<float>() + pixel * out_[3] + channel;
      const std::int64_t width = std::min(kBlock, out_[3] - channel);
      if (kind_ == graph::PoolKind::max) {
        maximum(image, y, x, out, width);
      } else {
        average(image, y, x, out, width);
      }
    }
  }

 private:
  static constexpr std::int64_t kBlock = 64;
  static_assert(kBlock % OrderedColumns::kWidth == 0);

  // tap(address of channel 0 of this block) for every tap inside the image, in memory order
  template <class Tap>
  void for_taps(const float* image, std::int64_t out_y, std::int64_t out_x, const Tap& tap) const {
    const AxisTaps::At &row = rows_.at[static_cast<std::size_t>(out_y)],
                       &column = columns_.at[static_cast<std::size_t>(out_x)];
    for (std::int64_t i = 0; i < row.count; ++i) {
      for (std::int64_t j = 0; j < column.count; ++j) {
        const std::int64_t y = row.source + i * rows_.source_step, x = column.source + j * columns_.source_step;
        tap(image + (y * in_[2] + x) * in_[3]);
      }
    }
  }

  void maximum(const float* image, std::int64_t y, std::int64_t x, float* out, std::int64_t width) const {
    float best[kBlock];  // (width) not the output itself, which might alias the input for the compiler
    std::fill_n(best, width, -std::numeric_limits<float>::infinity());
    for_taps(image, y, x, [&](const float* in) {
      for (std::int64_t c = 0; c < width; ++c) best[c] = best[c] > in[c] || best[c] != best[c] ? best[c] : in[c];
    });
    std::copy_n(best, width, out);
  }

  void average(const float* image, std::int64_t y, std::int64_t x, float* out, std::int64_t width) const {
    const std::int64_t count =
        row_divisors_[static_cast<std::size_t>(y)] * column_divisors_[static_cast<std::size_t>(x)];
    const auto n = static_cast<float>(std::max<std::int64_t>(1, count));
    for (std::int64_t first = 0; first < width; first += OrderedColumns::kWidth) {
      OrderedColumns sums(std::min(OrderedColumns::kWidth, width - first));
      for_taps(image, y, x, [&](const float* in) { sums.add(in + first); });
      const float* sum = sums.fold();
      for (std::int64_t c = 0; c < sums.width(); ++c) out[first + c] = sum[c] / n;
    }
  }

  graph::PoolKind kind_;
  Shape in_, out_;  // NHWC
  AxisTaps rows_, columns_;
  std::vector<std::int64_t> row_divisors_, column_divisors_;
  std::int64_t blocks_ = 0, units_ = 0;
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_pool(const OpContext& context) {
  const auto& attrs = std::get<graph::PoolAttrs>(context.attrs);
  const graph::Window window = pool_window(context, attrs);
  if (Status status = check_image_op(context, window, attrs.channels_last); !status) return status;
  if (context.inputs[0].shape[3] != context.outputs[0].shape[3]) {
    return context.error(fmt::format("input {} and output {}: the channels must be the same",
                                     to_string(context.inputs[0].shape), to_string(context.outputs[0].shape)));
  }
  return PreparedOp(std::make_unique<Pool>(context, attrs, window));
}

}  // namespace octet::kernels::fp32
