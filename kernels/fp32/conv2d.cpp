// SPDX-License-Identifier: Apache-2.0
#include "kernels/float_ops.h"
#include "kernels/fp32/checks.h"
#include "kernels/fp32/convolution.h"

namespace octet::kernels::fp32 {

Result<PreparedOp> prepare_conv2d(const OpContext& context) {
  const auto& attrs = std::get<graph::Conv2dAttrs>(context.attrs);
  if (Status status = check_image_op(context, attrs.window, attrs.channels_last); !status) return status;
  if (attrs.residual.present) return context.error("a residual is fused: only int8 convolutions take one");
  const Shape &in = context.inputs[0].shape, &out = context.outputs[0].shape;
  const std::int64_t kernel_h = attrs.window.kernel[0], kernel_w = attrs.window.kernel[1];
  const std::int64_t groups = attrs.groups;
  if (Status status = check_groups(context, groups); !status) return status;
  const std::int64_t in_per_group = in[3] / groups;
  if (Status status = check_weights(context, {out[3], in_per_group, kernel_h, kernel_w}); !status) return status;

  Convolution conv;
  conv.rows = window_taps(axis_window(attrs.window, in, out, 0));
  conv.columns = window_taps(axis_window(attrs.window, in, out, 1));
  conv.kernel_h = kernel_h;
  conv.kernel_w = kernel_w;
  conv.groups = groups;
  conv.in_per_group = in_per_group;
  conv.out_per_group = out[3] / groups;
  conv.clamp = attrs.clamp;
  conv.weights = pack_by_tap(context.inputs[1].constant_as<float>(), out[3], in_per_group, kernel_h * kernel_w,
                             [=](std::int64_t o, std::int64_t i) { return o * in_per_group + i; });
  return prepare_convolution(context, std::move(conv));
}

}  // namespace octet::kernels::fp32
