// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <utility>

#include "kernels/indirect_gemm.h"
#include "kernels/ops/conv2d.h"

namespace octet::kernels {
namespace {

// w (out, in/groups, kh, kw) -> (groups, out/groups, kh*kw, in/groups), as s8 codes.
WeightMatrix reordered(const Operand& w, const ConvGeometry& g) {
  const auto groups = static_cast<std::size_t>(g.groups), taps = static_cast<std::size_t>(g.taps());
  const std::size_t kc = static_cast<std::size_t>(g.in_channels) / groups;
  const std::size_t columns = static_cast<std::size_t>(g.out_channels) / groups;
  WeightMatrix m{std::vector<std::int8_t>(groups * columns * taps * kc), groups, columns, taps, kc};
  const std::span<const std::uint8_t> source = w.constant_as<std::uint8_t>();
  const std::uint8_t flip = w.dtype == DType::u8 ? 0x80 : 0;
  std::size_t at = 0;
  for (std::size_t c = 0; c < groups * columns; ++c) {
    for (std::size_t t = 0; t < taps; ++t) {
      for (std::size_t p = 0; p < kc; ++p) {
        m.codes[at++] = static_cast<std::int8_t>(source[(c * kc + p) * taps + t] ^ flip);
      }
    }
  }
  return m;
}

}  // namespace

Result<PreparedOp> prepare_conv2d_gemm(const OpContext& ctx, const ConvGeometry& g) {
  const auto& attrs = std::get<graph::Conv2dAttrs>(ctx.attrs);
  const WeightMatrix weights = reordered(ctx.inputs[1], g);
  const Result<WeightQuant> quant = weight_quant(ctx, 0, weights.all_columns());
  if (!quant) return quant.status();
  const std::vector<ColumnSums> sums = column_sums(weights, *quant);
  Result<Epilogue> epilogue = make_epilogue(ctx, *quant, sums, weights.k(), attrs.clamp,
                                            attrs.residual.present ? &attrs.residual : nullptr);
  if (!epilogue) return epilogue.status();
  const bool plain = g.taps() == 1 && g.stride[0] == 1 && g.stride[1] == 1;
  std::string label = fmt::format("gemm {}x{}{}{}", g.kernel[0], g.kernel[1], plain ? "" : " indirect",
                                  g.groups == 1 ? "" : fmt::format(" {} groups", g.groups));
  PackedGemm gemm(ctx.backend, weights, *std::move(epilogue), ctx.inputs[0].max_code);
  return make_indirect_gemm(ctx, g, std::move(gemm), std::move(label));
}

}  // namespace octet::kernels
