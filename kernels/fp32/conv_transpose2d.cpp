// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/float_ops.h"
#include "kernels/fp32/convolution.h"

namespace octet::kernels::fp32 {

// Computed by gathering: each output pixel sums the taps that reach it. output_padding and
// output_shape are in the output's size by now, where the taps simply end.
Result<PreparedOp> prepare_conv_transpose2d(const OpContext& context) {
  const auto& attrs = std::get<graph::ConvTranspose2dAttrs>(context.attrs);
  if (Status status = check_image_op(context, attrs.window, attrs.channels_last); !status) return status;
  const Shape &in = context.inputs[0].shape, &out = context.outputs[0].shape;
  const auto [kernel_h, kernel_w] = attrs.window.kernel;
  const std::int64_t groups = attrs.groups;
  if (groups < 1 || in[3] % groups != 0 || out[3] % groups != 0) {
    return context.error(fmt::format("{} groups: must divide {} input and {} output channels", groups, in[3], out[3]));
  }
  const std::int64_t in_per_group = in[3] / groups, out_per_group = out[3] / groups;
  if (Status status = check_weights(context, {in[3], out_per_group, kernel_h, kernel_w}); !status) return status;

  Convolution conv{transposed_taps(axis_window(attrs.window, in, out, 0)),
                   transposed_taps(axis_window(attrs.window, in, out, 1)),
                   kernel_h,
                   kernel_w,
                   groups,
                   in_per_group,
                   out_per_group,
                   {},
                   attrs.clamp};
  // (in, out/groups, kh, kw) -> (out, kh, kw, in/groups)
  const auto weights = context.inputs[1].constant_as<float>();
  const std::int64_t taps = kernel_h * kernel_w;
  conv.weights.reserve(weights.size());
  for (std::int64_t o = 0; o < out[3]; ++o) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      for (std::int64_t i = 0; i < in_per_group; ++i) {
        const std::int64_t in_channel = o / out_per_group * in_per_group + i;
        conv.weights.push_back(
            weights[static_cast<std::size_t>((in_channel * out_per_group + o % out_per_group) * taps + tap)]);
      }
    }
  }
  return prepare_convolution(context, std::move(conv));
}

}  // namespace octet::kernels::fp32
