// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/codes.h"
#include "kernels/dynamic_product.h"
#include "kernels/epilogue.h"

namespace octet::kernels {

Result<PreparedOp> prepare_dynamic_dense(const OpContext& ctx) {
  const Operand &x = ctx.inputs[0], &w = ctx.inputs[2], &y = ctx.outputs[0];
  if (w.constant == nullptr || w.shape.rank() != 2 || x.shape.rank() < 1 || x.shape[x.shape.rank() - 1] != w.shape[1] ||
      w.shape[1] < 1 || y.dtype != DType::f32)
    return ctx.error(fmt::format("weights {} do not fit input {}", to_string(w.shape), to_string(x.shape)));
  const auto n = static_cast<std::size_t>(w.shape[0]), k = static_cast<std::size_t>(w.shape[1]);
  const WeightMatrix weights = gather_weights(w.constant_as<std::uint8_t>(), flip_to_s8(w), 1, n, 1, k,
                                              [k](std::size_t c, std::size_t, std::size_t p) { return c * k + p; });
  const ConvGeometry rows{
      .batch = x.shape.count(0, x.shape.rank() - 1), .in_channels = w.shape[1], .out_channels = w.shape[0]};
  return make_dynamic_product(ctx, rows, weights, std::get<graph::DynamicDenseAttrs>(ctx.attrs).clamp, "gemm dynamic");
}

}  // namespace octet::kernels
