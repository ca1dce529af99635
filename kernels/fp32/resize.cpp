// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/float_ops.h"
#include "kernels/fp32/resize_axis.h"

namespace octet::kernels::fp32 {
namespace {

// Where each index of one output axis reads.
struct Axis {
  struct At {
    std::int64_t low, high;  // offsets in elements; `high` only where the axis is blended
    float fraction;
  };
  std::vector<At> at;  // (out)
  bool blended;
};

Axis make_axis(const graph::ResizeAttrs& attrs, int axis, std::int64_t in, std::int64_t out, std::int64_t stride) {
  const float scale = attrs.scales[static_cast<std::size_t>(axis)];
  const bool linear = attrs.mode == graph::ResizeAttrs::Mode::linear;
  Axis result{{}, linear && (in != out || scale != 1.0F)};
  result.at.reserve(static_cast<std::size_t>(out));
  for (std::int64_t index = 0; index < out; ++index) {
    const double source = source_coordinate(attrs.coordinates, axis_scale(scale, in, out), in, out, index);
    const Between between =
        linear ? linear_indices(source, in) : Between{nearest_index(attrs.nearest, source, in), 0, 0};
    result.at.push_back({between.low * stride, between.high * stride, static_cast<float>(between.fraction)});
  }
  return result;
}

// A unit is one run of `inner_` elements: the axes behind the last one that changes. Linear blends
// pairs, the last axis first, as v0 * (1-f) + v1 * f; where f = 0 the result is v0, so that an
// infinity that has no part in it does no harm.
class Resize final : public Prepared {
 public:
  Resize(const OpContext& context, const graph::ResizeAttrs& attrs)
      : linear_(attrs.mode == graph::ResizeAttrs::Mode::linear) {
    const Shape &in = context.inputs[0].shape, &out = context.outputs[0].shape;
    int axis = in.rank();
    const auto changes = [&](int a) { return in[a] != out[a] || attrs.scales[static_cast<std::size_t>(a)] != 1.0F; };
    for (; axis > 0 && !changes(axis - 1); --axis) inner_ *= in[axis - 1];
    std::int64_t stride = inner_;
    for (; axis > 0; --axis) {
      axes_.push_back(make_axis(attrs, axis - 1, in[axis - 1], out[axis - 1], stride));
      if (axes_.back().blended) corners_ *= 2;
      stride *= in[axis - 1];
    }
    units_ = inner_ == 0 ? 0 : out.count() / inner_;
    slices_ = slices_for(units_, static_cast<double>(corners_) * static_cast<double>(inner_ + 8), context.threads);
  }

  int slices() const override { return slices_; }
  std::string kernel() const override { return linear_ ? "fp32 resize linear" : "fp32 resize nearest"; }

  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(units_, slice, slices_);
    for (std::int64_t unit = range.first; unit < range.last; ++unit) {
      // Corner c reads `high` on the b-th blended axis where bit b of c is set.
      std::array<std::int64_t, kCorners> offset{};
      std::array<float, Shape::kMaxRank> fraction{};
      std::int64_t rest = unit;
      std::size_t bit = 0;
      for (const Axis& axis : axes_) {
        const auto size = static_cast<std::int64_t>(axis.at.size());
        const Axis::At& at = axis.at[static_cast<std::size_t>(rest % size)];
        rest /= size;
        for (std::size_t c = 0; c < corners_; ++c) {
          offset[c] += axis.blended && (c >> bit & 1) != 0 ? at.high : at.low;
        }
        if (axis.blended) fraction[bit++] = at.fraction;
      }
      const float* in = io.input<float>(0);
      float* out = io.output<float>() + unit * inner_;
      if (corners_ == 1) {
        std::memcpy(out, in + offset[0], static_cast<std::size_t>(inner_) * sizeof(float));
      } else {
        blend(in, offset.data(), fraction.data(), out);
      }
    }
  }

 private:
  static constexpr std::size_t kCorners = std::size_t{1} << Shape::kMaxRank;
  static constexpr std::int64_t kBlock = 16;

  void blend(const float* in, const std::int64_t* offset, const float* fraction, float* out) const {
    for (std::int64_t first = 0; first < inner_; first += kBlock) {
      const std::int64_t width = std::min(kBlock, inner_ - first);
      float v[kCorners][kBlock];
      for (std::size_t c = 0; c < corners_; ++c) std::copy_n(in + offset[c] + first, width, v[c]);
      for (std::size_t left = corners_ / 2, axis = 0; left > 0; left /= 2, ++axis) {
        const float f = fraction[axis], g = 1.0F - f;
        for (std::size_t c = 0; c < left; ++c) {
          for (std::int64_t i = 0; i < width; ++i) {
            v[c][i] = f == 0.0F ? v[2 * c][i] : v[2 * c][i] * g + v[2 * c + 1][i] * f;
          }
        }
      }
      std::copy_n(v[0], width, out + first);
    }
  }

  bool linear_;
  std::vector<Axis> axes_;  // innermost first
  std::size_t corners_ = 1;
  std::int64_t inner_ = 1, units_ = 0;
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_resize(const OpContext& context) {
  const auto& attrs = std::get<graph::ResizeAttrs>(context.attrs);
  const Shape &in = context.inputs[0].shape, &out = context.outputs[0].shape;
  if (in.rank() != out.rank() || attrs.scales.size() != static_cast<std::size_t>(in.rank())) {
    return context.error(fmt::format("input {}, output {}, {} scales: all must have the same rank", to_string(in),
                                     to_string(out), attrs.scales.size()));
  }
  for (int axis = 0; axis < in.rank(); ++axis) {
    const float scale = attrs.scales[static_cast<std::size_t>(axis)];
    if (!(scale > 0) || !std::isfinite(scale)) {
      return context.error(fmt::format("scale {} at axis {}: must be finite and above 0", scale, axis));
    }
    if (in[axis] < 1 && out[axis] > 0) {
      return context.error(fmt::format("input {}: axis {} has nothing to resize", to_string(in), axis));
    }
  }
  return PreparedOp(std::make_unique<Resize>(context, attrs));
}

}  // namespace octet::kernels::fp32
