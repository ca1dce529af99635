// SPDX-License-Identifier: Apache-2.0
#include "kernels/ops/conv2d.h"

#include <fmt/format.h>

#include "kernels/codes.h"
#include "kernels/epilogue.h"
#include "kernels/float_ops.h"

namespace octet::kernels {
namespace {

// Beyond this, products of sizes and strides could leave int64; no tensor of that size fits in memory.
constexpr std::int64_t kLargest = std::int64_t{1} << 31;

}  // namespace

Result<ConvGeometry> conv2d_geometry(const OpContext& ctx, const graph::Window& window, std::int64_t groups,
                                     bool channels_last) {
  const Shape &x = ctx.inputs[0].shape, &w = ctx.inputs[1].shape, &y = ctx.outputs[0].shape;
  if (!channels_last) return ctx.error("an int8 convolution must be channels-last");
  if (x.rank() != 4 || w.rank() != 4 || y.rank() != 4) return ctx.error("input, weights and output must have 4 axes");
  for (const Operand* operand : {&ctx.inputs[0], &ctx.inputs[1], &ctx.outputs[0]}) {
    if (const auto count = count_of(ctx, *operand, "an operand"); !count) return count.status();
  }
  if (window.auto_pad != graph::AutoPad::none) return ctx.error("auto_pad must be resolved");
  const ConvGeometry g{.batch = x[0],
                       .in = {x[1], x[2]},
                       .out = {y[1], y[2]},
                       .in_channels = x[3],
                       .out_channels = y[3],
                       .groups = groups,
                       .kernel = {w[2], w[3]},
                       .stride = window.stride,
                       .dilation = window.dilation,
                       .pad = window.pad_begin};
  if (g.groups < 1 || g.in_channels % g.groups != 0 || g.out_channels % g.groups != 0) {
    return ctx.error(
        fmt::format("{} groups must divide {} input and {} output channels", g.groups, g.in_channels, g.out_channels));
  }
  if (w[0] != g.out_channels || w[1] != g.in_channels / g.groups || y[0] != g.batch) {
    return ctx.error(fmt::format("weights {} do not fit input {}, output {} and {} groups", to_string(w), to_string(x),
                                 to_string(y), g.groups));
  }
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t pad_end = window.pad_end[axis];
    for (const std::int64_t size : {g.in[axis], g.out[axis], g.kernel[axis], g.stride[axis], g.dilation[axis]}) {
      if (size < 1 || size > kLargest)
        return ctx.error(fmt::format("size {} at axis {}: must be at least 1", size, axis));
    }
    if (g.pad[axis] < 0 || g.pad[axis] > kLargest || pad_end < 0 || pad_end > kLargest) {
      return ctx.error(fmt::format("pads {} and {} at axis {}: must not be negative", g.pad[axis], pad_end, axis));
    }
    const std::int64_t span = (g.kernel[axis] - 1) * g.dilation[axis] + 1;  // below 2^62
    const std::int64_t padded = g.in[axis] + g.pad[axis] + pad_end;
    if (padded < span || (padded - span) / g.stride[axis] + 1 != g.out[axis]) {
      return ctx.error(
          fmt::format("output size {} at axis {} contradicts input size {}", g.out[axis], axis, g.in[axis]));
    }
  }
  return g;
}

Result<PreparedOp> prepare_conv2d(const OpContext& ctx) {
  if (ctx.inputs[0].dtype == DType::f32) return fp32::prepare_conv2d(ctx);
  if (Status status = check_int8_operands(ctx); !status) return status;
  const auto& attrs = std::get<graph::Conv2dAttrs>(ctx.attrs);
  const Result<ConvGeometry> geometry = conv2d_geometry(ctx, attrs.window, attrs.groups, attrs.channels_last);
  if (!geometry) return geometry.status();
  const ConvGeometry& g = *geometry;
  const bool one_by_one = g.taps() == 1;
  const bool depthwise = g.groups == g.in_channels && g.groups == g.out_channels && g.groups > 1;
  if (depthwise) return prepare_conv2d_depthwise(ctx, g);
  if (g.groups == 1 && g.in_channels <= 4 && !one_by_one && g.dilation[1] == 1)
    return prepare_conv2d_first_layer(ctx, g);
  return prepare_conv2d_gemm(ctx, g);
}

}  // namespace octet::kernels
