// SPDX-License-Identifier: Apache-2.0
#include "kernels/fp32/convolution.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <utility>

#include "kernels/fp32/clamp.h"
#include "kernels/fp32/ordered.h"

namespace octet::kernels::fp32 {
namespace {

std::int64_t sum_of_counts(const AxisTaps& taps) {
  std::int64_t sum = 0;
  for (const AxisTaps::At& at : taps.at) sum += at.count;
  return sum;
}

// A unit of work is one chunk of an output row: up to Chunk::kMost pixels that see the same part of
// the window.
class ConvolutionOp : public Prepared {
 public:
  ConvolutionOp(const OpContext& context, Convolution convolution)
      : conv_(std::move(convolution)),
        in_(context.inputs[0].shape),
        out_(context.outputs[0].shape),
        has_bias_(context.has_input(2)),
        chunks_(chunks_of_equal_taps(conv_.columns)) {
    macs_ = static_cast<double>(out_[0]) * static_cast<double>(sum_of_counts(conv_.rows)) *
            static_cast<double>(sum_of_counts(conv_.columns)) * static_cast<double>(conv_.in_per_group) *
            static_cast<double>(out_[3]);
    units_ = out_[0] * out_[1] * static_cast<std::int64_t>(chunks_.size());
    slices_ = slices_for(units_, macs_ / static_cast<double>(std::max<std::int64_t>(units_, 1)), context.threads);
  }

  int slices() const override { return slices_; }
  std::size_t weight_bytes() const override { return conv_.weights.size() * sizeof(float); }
  double macs() const override { return macs_; }

  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(units_, slice, slices_);
    float* scratch = reinterpret_cast<float*>(io.scratch + static_cast<std::size_t>(slice) * scratch_bytes());
    const auto chunks = static_cast<std::int64_t>(chunks_.size());
    for (std::int64_t unit = range.first; unit < range.last; ++unit) {
      const std::int64_t row = unit / chunks;
      run_chunk(io, scratch, row / out_[1], row % out_[1], chunks_[static_cast<std::size_t>(unit % chunks)]);
    }
  }

 protected:
  virtual void run_chunk(const Io& io, float* scratch, std::int64_t batch, std::int64_t out_y,
                         const Chunk& chunk) const noexcept = 0;

  const AxisTaps::At& row_at(std::int64_t y) const { return conv_.rows.at[static_cast<std::size_t>(y)]; }
  const AxisTaps::At& column_at(std::int64_t x) const { return conv_.columns.at[static_cast<std::size_t>(x)]; }
  // Channel 0 of the pixel that tap (i, j) of an output reads.
  std::int64_t source_offset(std::int64_t batch, const AxisTaps::At& row, std::int64_t i, const AxisTaps::At& column,
                             std::int64_t j) const {
    const std::int64_t y = row.source + i * conv_.rows.source_step;
    const std::int64_t x = column.source + j * conv_.columns.source_step;
    return ((batch * in_[1] + y) * in_[2] + x) * in_[3];
  }
  std::int64_t window_index(const AxisTaps::At& row, std::int64_t i, const AxisTaps::At& column, std::int64_t j) const {
    return (row.tap + i * conv_.rows.tap_step) * conv_.kernel_w + column.tap + j * conv_.columns.tap_step;
  }
  float* output_pixel(const Io& io, std::int64_t batch, std::int64_t y, std::int64_t x) const {
    return io.output<float>() + ((batch * out_[1] + y) * out_[2] + x) * out_[3];
  }
  float finish(float sum, const float* bias, std::int64_t channel) const {
    return clamp(has_bias_ ? sum + bias[channel] : sum, conv_.clamp);
  }

  Convolution conv_;
  Shape in_, out_;  // NHWC
  bool has_bias_;

 private:
  std::vector<Chunk> chunks_;
  std::int64_t units_ = 0;
  int slices_ = 1;
  double macs_ = 0;
};

// Every output value is a dot product of a patch of the image and a row of weights.
class PatchConvolution final : public ConvolutionOp {
 public:
  PatchConvolution(const OpContext& context, Convolution convolution)
      : ConvolutionOp(context, std::move(convolution)), patch_(conv_.kernel_h * conv_.kernel_w * conv_.in_per_group) {}

  // The chunk's patches, and two rows of weights cut to the taps inside the image.
  std::size_t scratch_bytes() const override {
    const std::size_t floats = (Chunk::kMost + 2) * static_cast<std::size_t>(patch_);
    return (floats * sizeof(float) + 63) / 64 * 64;
  }
  std::string kernel() const override { return "fp32 patch convolution"; }

 private:
  void run_chunk(const Io& io, float* scratch, std::int64_t batch, std::int64_t out_y,
                 const Chunk& chunk) const noexcept override {
    const AxisTaps::At &row = row_at(out_y), &column = column_at(chunk.outputs[0]);
    const std::int64_t taps = row.count * column.count;
    const std::int64_t n = taps * conv_.in_per_group;
    const bool whole = taps == conv_.kernel_h * conv_.kernel_w;
    const auto pixels = static_cast<std::int64_t>(chunk.outputs.size());
    const float* bias = has_bias_ ? io.input<float>(2) : nullptr;
    float* cut = scratch + static_cast<std::int64_t>(Chunk::kMost) * patch_;  // (2, n)

    std::array<const float*, Chunk::kMost> patches{};
    std::array<float*, Chunk::kMost> pixel_out{};
    for (std::size_t p = 0; p < chunk.outputs.size(); ++p) {
      pixel_out[p] = output_pixel(io, batch, out_y, chunk.outputs[p]);
    }
    for (std::int64_t group = 0; group < conv_.groups; ++group) {
      for (std::size_t p = 0; p < chunk.outputs.size(); ++p) {
        patches[p] =
            patch(io, scratch + static_cast<std::int64_t>(p) * patch_, batch, row, column_at(chunk.outputs[p]), group);
      }
      const std::int64_t first = group * conv_.out_per_group;
      const auto store = [&](std::int64_t from) {
        return [&, from](std::int64_t p, std::int64_t j, float sum) {
          pixel_out[static_cast<std::size_t>(p)][from + j] = finish(sum, bias, from + j);
        };
      };
      if (whole) {
        ordered_tile(patches.data(), pixels, conv_.weights.data() + first * patch_, patch_, conv_.out_per_group, n,
                     store(first));
        continue;
      }
      for (std::int64_t j = 0; j < conv_.out_per_group; j += 2) {
        const std::int64_t two = std::min<std::int64_t>(2, conv_.out_per_group - j);
        for (std::int64_t t = 0; t < two; ++t) cut_weights(first + j + t, row, column, cut + t * n);
        ordered_tile(patches.data(), pixels, cut, n, two, n, store(first + j));
      }
    }
  }

  // The elements of the sum for one pixel and group, contiguous: in place where there is one tap.
  const float* patch(const Io& io, float* to, std::int64_t batch, const AxisTaps::At& row, const AxisTaps::At& column,
                     std::int64_t group) const {
    const float* image = io.input<float>(0) + group * conv_.in_per_group;
    if (row.count == 1 && column.count == 1) return image + source_offset(batch, row, 0, column, 0);
    // Neighbouring taps of an ungrouped, undilated convolution lie side by side.
    const bool joined = conv_.groups == 1 && conv_.columns.source_step == 1;
    const std::int64_t pieces = joined ? std::min<std::int64_t>(1, column.count) : column.count;
    const std::int64_t length = joined ? column.count * conv_.in_per_group : conv_.in_per_group;
    float* next = to;
    for (std::int64_t i = 0; i < row.count; ++i) {
      for (std::int64_t j = 0; j < pieces; ++j, next += length) {
        std::memcpy(next, image + source_offset(batch, row, i, column, j),
                    static_cast<std::size_t>(length) * sizeof(float));
      }
    }
    return to;
  }

  void cut_weights(std::int64_t out_channel, const AxisTaps::At& row, const AxisTaps::At& column, float* to) const {
    const float* from = conv_.weights.data() + out_channel * patch_;
    for (std::int64_t i = 0; i < row.count; ++i) {
      for (std::int64_t j = 0; j < column.count; ++j, to += conv_.in_per_group) {
        std::memcpy(to, from + window_index(row, i, column, j) * conv_.in_per_group,
                    static_cast<std::size_t>(conv_.in_per_group) * sizeof(float));
      }
    }
  }

  std::int64_t patch_;
};

// One input and one output channel per group: channels side by side instead of dot products.
class DepthwiseConvolution final : public ConvolutionOp {
 public:
  DepthwiseConvolution(const OpContext& context, Convolution convolution)
      : ConvolutionOp(context, std::move(convolution)), by_tap_(conv_.weights.size()) {
    const std::int64_t taps = conv_.kernel_h * conv_.kernel_w;
    for (std::int64_t channel = 0; channel < out_[3]; ++channel) {
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        by_tap_[static_cast<std::size_t>(tap * out_[3] + channel)] =
            conv_.weights[static_cast<std::size_t>(channel * taps + tap)];
      }
    }
    conv_.weights.clear();
    conv_.weights.shrink_to_fit();
  }

  std::size_t weight_bytes() const override { return by_tap_.size() * sizeof(float); }
  std::string kernel() const override { return "fp32 depthwise convolution"; }

 private:
  void run_chunk(const Io& io, float*, std::int64_t batch, std::int64_t out_y,
                 const Chunk& chunk) const noexcept override {
    const AxisTaps::At& row = row_at(out_y);
    const float* image = io.input<float>(0);
    const float* bias = has_bias_ ? io.input<float>(2) : nullptr;
    for (std::int64_t out_x : chunk.outputs) {
      const AxisTaps::At& column = column_at(out_x);
      float* out = output_pixel(io, batch, out_y, out_x);
      for (std::int64_t channel = 0; channel < out_[3]; channel += OrderedColumns::kWidth) {
        OrderedColumns sums(std::min(OrderedColumns::kWidth, out_[3] - channel));
        for (std::int64_t i = 0; i < row.count; ++i) {
          for (std::int64_t j = 0; j < column.count; ++j) {
            sums.add_product(image + source_offset(batch, row, i, column, j) + channel,
                             by_tap_.data() + window_index(row, i, column, j) * out_[3] + channel);
          }
        }
        const float* sum = sums.fold();
        for (std::int64_t c = 0; c < sums.width(); ++c) out[channel + c] = finish(sum[c], bias, channel + c);
      }
    }
  }

  std::vector<float> by_tap_;  // (kh, kw, channels)
};

}  // namespace

Result<PreparedOp> prepare_convolution(const OpContext& context, Convolution convolution) {
  if (convolution.groups > 1 && convolution.in_per_group == 1 && convolution.out_per_group == 1) {
    return PreparedOp(std::make_unique<DepthwiseConvolution>(context, std::move(convolution)));
  }
  return PreparedOp(std::make_unique<PatchConvolution>(context, std::move(convolution)));
}

}  // namespace octet::kernels::fp32
