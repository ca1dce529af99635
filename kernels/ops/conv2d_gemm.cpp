// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <utility>

#include "kernels/indirect_gemm.h"
#include "kernels/ops/conv2d.h"

namespace octet::kernels {
Result<PreparedOp> prepare_conv2d_gemm(const OpContext& ctx, const ConvGeometry& g) {
  const auto& attrs = std::get<graph::Conv2dAttrs>(ctx.attrs);
  const auto groups = static_cast<std::size_t>(g.groups), taps = static_cast<std::size_t>(g.taps());
  const std::size_t kc = static_cast<std::size_t>(g.in_channels) / groups;
  const std::size_t columns = static_cast<std::size_t>(g.out_channels) / groups;
  const Operand& w = ctx.inputs[1];  // (out, in/groups, kh, kw)
  const auto gather = [&] {
    return gather_weights(w.constant_as<std::uint8_t>(), flip_to_s8(w), groups, columns, taps, kc,
                          [&](std::size_t c, std::size_t t, std::size_t p) { return (c * kc + p) * taps + t; });
  };
  Result<PackedGemm> gemm = make_packed_gemm(ctx, {groups, columns, taps, kc}, WeightOrder::channels, gather,
                                             attrs.clamp, attrs.residual.present ? &attrs.residual : nullptr);
  if (!gemm) return gemm.status();
  const bool plain = g.taps() == 1 && g.stride[0] == 1 && g.stride[1] == 1;
  std::string label = fmt::format("gemm {}x{}{}{}", g.kernel[0], g.kernel[1], plain ? "" : " indirect",
                                  g.groups == 1 ? "" : fmt::format(" {} groups", g.groups));
  return make_indirect_gemm(ctx, g, std::move(*gemm), std::move(label));
}

}  // namespace octet::kernels
