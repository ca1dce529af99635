// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/codes.h"
#include "kernels/dynamic_product.h"
#include "kernels/epilogue.h"
#include "kernels/ops/conv2d.h"

namespace octet::kernels {

Result<PreparedOp> prepare_dynamic_conv2d(const OpContext& ctx) {
  const auto& attrs = std::get<graph::DynamicConv2dAttrs>(ctx.attrs);
  const Operand& w = ctx.inputs[2];  // (out, in/groups, kh, kw)
  if (w.constant == nullptr || ctx.outputs[0].dtype != DType::f32)
    return ctx.error("its weights must be constant and its output f32");
  std::array<Operand, 2> operands;
  const Result<ConvGeometry> geometry =
      conv2d_geometry(as_layer(ctx, operands), attrs.window, attrs.groups, attrs.channels_last);
  if (!geometry) return geometry.status();
  const ConvGeometry& g = *geometry;
  const auto groups = static_cast<std::size_t>(g.groups), taps = static_cast<std::size_t>(g.taps());
  const std::size_t kc = static_cast<std::size_t>(g.in_channels) / groups;
  const WeightMatrix weights = gather_weights(
      w.constant_as<std::uint8_t>(), flip_to_s8(w), groups, static_cast<std::size_t>(g.out_channels) / groups, taps, kc,
      [&](std::size_t c, std::size_t t, std::size_t p) { return (c * kc + p) * taps + t; });
  return make_dynamic_product(ctx, g, weights, attrs.clamp,
                              fmt::format("gemm {}x{}{} dynamic", g.kernel[0], g.kernel[1],
                                          g.groups == 1 ? "" : fmt::format(" {} groups", g.groups)));
}

}  // namespace octet::kernels
