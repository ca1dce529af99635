// SPDX-License-Identifier: Apache-2.0
// Resizing codes. Nearest moves elements of any type; linear blends codes in integers.
//
// Both walk rows: all positions of the axes before the last one that changes. Behind that axis lie
// `inner` elements that stay together (the channels of NHWC).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/codes.h"
#include "kernels/float_ops.h"
#include "kernels/fp32/resize_axis.h"
#include "kernels/requantize.h"
#include "kernels/table.h"

namespace octet::kernels {

namespace {

constexpr std::int32_t kOne = 1 << 10;  // weights along one axis sum to this

// Where each index of one output axis reads, as offsets in elements.
struct Source {
  std::int64_t low, high;
  std::int32_t weight;  // of high, in 1/kOne; 0 for nearest
};
using SourceAxis = std::vector<Source>;

struct ResizeShape {
  std::vector<SourceAxis> axes;  // outermost first, the last one changes
  std::vector<bool> blended;
  std::int64_t inner = 1;

  std::int64_t rows() const {
    std::int64_t product = 1;
    for (std::size_t i = 0; i + 1 < axes.size(); ++i) product *= static_cast<std::int64_t>(axes[i].size());
    return product;
  }
  std::int64_t row_length() const { return static_cast<std::int64_t>(axes.back().size()) * inner; }
};

ResizeShape resize_shape(const graph::ResizeAttrs& attrs, const Shape& in, const Shape& out) {
  const bool linear = attrs.mode == graph::ResizeAttrs::Mode::linear;
  const auto changes = [&](int i) { return in[i] != out[i] || attrs.scales[static_cast<std::size_t>(i)] != 1.0F; };
  ResizeShape shape;
  int axis = in.rank() - 1;
  for (; axis > 0 && !changes(axis); --axis) shape.inner *= in[axis];
  std::int64_t stride = shape.inner;
  for (; axis >= 0; --axis) {
    const fp32::AxisScale scale = fp32::axis_scale(attrs.scales[static_cast<std::size_t>(axis)], in[axis], out[axis]);
    SourceAxis sources;
    for (std::int64_t i = 0; i < out[axis]; ++i) {
      const double at = fp32::source_coordinate(attrs.coordinates, scale, in[axis], out[axis], i);
      if (!changes(axis)) {
        sources.push_back({i * stride, i * stride, 0});
      } else if (linear) {
        const fp32::Between between = fp32::linear_indices(at, in[axis]);
        const auto weight = static_cast<std::int32_t>(std::nearbyint(between.fraction * kOne));
        sources.push_back({between.low * stride, between.high * stride, weight});
      } else {
        const std::int64_t index = fp32::nearest_index(attrs.nearest, at, in[axis]);
        sources.push_back({index * stride, index * stride, 0});
      }
    }
    shape.axes.insert(shape.axes.begin(), std::move(sources));
    shape.blended.insert(shape.blended.begin(), linear && changes(axis));
    stride *= in[axis];
  }
  return shape;
}

class NearestOp final : public Prepared {
 public:
  NearestOp(const OpContext& ctx, ResizeShape shape, std::size_t element, const std::optional<Table>& table)
      : shape_(std::move(shape)),
        bytes_(shape_.inner * static_cast<std::int64_t>(element)),
        element_(static_cast<std::int64_t>(element)),
        table_(table),
        lookup_(ctx.backend.lookup),
        slices_(slices_for(shape_.rows(), static_cast<double>(shape_.row_length() * element_), ctx.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "copy"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range share = share_of(shape_.rows(), slice, slices_);
    for (std::int64_t row = share.first; row < share.last; ++row) {
      std::int64_t rest = row, offset = 0;
      for (std::size_t i = shape_.axes.size() - 1; i-- > 0;) {
        const auto size = static_cast<std::int64_t>(shape_.axes[i].size());
        offset += shape_.axes[i][static_cast<std::size_t>(rest % size)].low;
        rest /= size;
      }
      const auto* in = io.input<std::uint8_t>(0) + offset * element_;
      auto* out = io.output<std::uint8_t>() + row * shape_.row_length() * element_;
      for (const Source& source : shape_.axes.back()) {
        move(in + source.low * element_, out);
        out += bytes_;
      }
    }
  }

 private:
  void move(const std::uint8_t* in, std::uint8_t* out) const {
    if (table_) {
      lookup_(table_->data(), in, out, static_cast<std::size_t>(bytes_));
    } else if (bytes_ == 1) {
      *out = *in;
    } else {
      std::memcpy(out, in, static_cast<std::size_t>(bytes_));
    }
  }

  ResizeShape shape_;
  std::int64_t bytes_, element_;
  std::optional<Table> table_;
  LookupFn lookup_;
  int slices_;
};

// acc = sum of wy*wx*(q - zx), whose weights sum to 2^20: |acc| < 2^28. M = sx / (so * 2^20).
class LinearOp final : public Prepared {
 public:
  LinearOp(const OpContext& ctx, ResizeShape shape, const Codes& in, const Codes& out)
      : shape_(std::move(shape)),
        out_(out),
        mode_(ctx.requant),
        flip_(in.dtype == DType::s8 ? 0x80 : 0),
        requantize_(ctx.backend.requantize),
        slices_(slices_for(shape_.rows(), 8.0 * static_cast<double>(shape_.row_length()), ctx.threads)),
        kernel_(fmt::format("{} resize linear", ctx.backend.name)) {
    // Bytes are blended as u8 codes, whose zero point lies 128 higher where the codes are s8.
    const std::int32_t zero_point = in.zero_point + (in.dtype == DType::s8 ? 128 : 0);
    const FixedScale fixed = fixed_scale(fixed_factor(in.scale, 1, out.scale) / (kOne * kOne));
    const float scale = floating_factor(in.scale, 1, out.scale, ctx.requant) / (kOne * kOne);
    bias_.assign(kChunk, -zero_point * kOne * kOne);
    multiplier_.assign(kChunk, fixed.multiplier);
    shift_.assign(kChunk, fixed.shift);
    scale_.assign(kChunk, scale);
  }

  int slices() const override { return slices_; }
  std::string kernel() const override { return kernel_; }
  void run(const Io& io, int slice) const noexcept override {
    const CodeRange range = code_range(out_.dtype);
    const Requant requant{.bias = bias_.data(),
                          .multiplier = multiplier_.data(),
                          .shift = shift_.data(),
                          .scale = scale_.data(),
                          .zero_point = out_.zero_point,
                          .min = range.min,
                          .max = range.max,
                          .finish = finish_of(mode_)};
    const Range share = share_of(shape_.rows(), slice, slices_);
    for (std::int64_t row = share.first; row < share.last; ++row) {
      blend_row(io.input<std::uint8_t>(0), row, requant, io.output<std::uint8_t>() + row * shape_.row_length());
    }
  }

 private:
  static constexpr std::int64_t kChunk = 256;

  void blend_row(const std::uint8_t* in, std::int64_t row, const Requant& requant, std::uint8_t* out) const {
    // The one blended axis before the last, if there is one, gives two lines; else both are the same.
    std::int64_t rest = row, low = 0, high = 0;
    std::int32_t weight = 0;
    for (std::size_t i = shape_.axes.size() - 1; i-- > 0;) {
      const auto size = static_cast<std::int64_t>(shape_.axes[i].size());
      const Source& source = shape_.axes[i][static_cast<std::size_t>(rest % size)];
      rest /= size;
      low += source.low;
      high += source.high;
      if (shape_.blended[i]) weight = source.weight;
    }
    std::int32_t acc[kChunk];
    std::int64_t filled = 0;
    const auto flush = [&] {
      requantize_(requant, acc, out, static_cast<std::size_t>(filled));
      out += filled;
      filled = 0;
    };
    for (const Source& x : shape_.axes.back()) {
      const std::uint8_t* corners[4] = {in + low + x.low, in + low + x.high, in + high + x.low, in + high + x.high};
      const std::int32_t weights[4] = {(kOne - weight) * (kOne - x.weight), (kOne - weight) * x.weight,
                                       weight * (kOne - x.weight), weight * x.weight};
      for (std::int64_t i = 0; i < shape_.inner;) {
        const std::int64_t end = std::min(shape_.inner, i + kChunk - filled);
        for (; i < end; ++i) {
          std::int32_t sum = 0;
          for (int c = 0; c < 4; ++c) sum += weights[c] * (corners[c][i] ^ flip_);
          acc[filled++] = sum;
        }
        if (filled == kChunk) flush();
      }
    }
    flush();
  }

  ResizeShape shape_;
  Codes out_;
  RequantMode mode_;
  std::uint8_t flip_;
  RequantizeFn requantize_;
  std::vector<std::int32_t> bias_, multiplier_, shift_;  // (kChunk), all the same
  std::vector<float> scale_;
  int slices_;
  std::string kernel_;
};

}  // namespace

Result<PreparedOp> prepare_resize(const OpContext& ctx) {
  const auto& attrs = std::get<graph::ResizeAttrs>(ctx.attrs);
  const Operand& x = ctx.inputs[0];
  const Operand& y = ctx.outputs[0];
  if (y.dtype == DType::f32) return fp32::prepare_resize(ctx);
  const Result<std::int64_t> count = count_of(ctx, x, "the input");
  if (!count.ok()) return count.status();
  const Result<std::int64_t> out_count = count_of(ctx, y, "the output");
  if (!out_count.ok()) return out_count.status();
  const int rank = x.shape.rank();
  if (rank == 0 || y.shape.rank() != rank || attrs.scales.size() != static_cast<std::size_t>(rank)) {
    return ctx.error(fmt::format("{} scales from {} to {}: must be one per axis", attrs.scales.size(),
                                 to_string(x.shape), to_string(y.shape)));
  }
  if (*count == 0 || *out_count == 0) return ctx.error(fmt::format("shape {}: nothing to resize", to_string(x.shape)));
  for (const float scale : attrs.scales) {
    if (!std::isfinite(scale) || scale <= 0)
      return ctx.error(fmt::format("scale {}: must be finite and positive", scale));
  }
  ResizeShape shape = resize_shape(attrs, x.shape, y.shape);
  if (attrs.mode == graph::ResizeAttrs::Mode::nearest) {
    const Result<std::optional<Table>> table = relabelling(ctx, x, y);
    if (!table.ok()) return table.status();
    return PreparedOp(std::make_unique<NearestOp>(ctx, std::move(shape), size_of(y.dtype), *table));
  }
  const Result<Codes> in = activation_codes_of(ctx, x, "the input");
  if (!in.ok()) return in.status();
  const Result<Codes> out = activation_codes_of(ctx, y, "the output");
  if (!out.ok()) return out.status();
  if (std::count(shape.blended.begin(), shape.blended.end(), true) > 2) {
    return ctx.error("linear resizing of codes changes at most two axes");
  }
  return PreparedOp(std::make_unique<LinearOp>(ctx, std::move(shape), *in, *out));
}

}  // namespace octet::kernels
