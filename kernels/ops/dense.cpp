// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <utility>

#include "kernels/codes.h"
#include "kernels/float_ops.h"
#include "kernels/indirect_gemm.h"

namespace octet::kernels {
namespace {

// x (..., k), w (n, k), y (..., n): a 1x1 convolution over one row of pixels.
Result<ConvGeometry> geometry_of(const OpContext& ctx) {
  const Shape &x = ctx.inputs[0].shape, &w = ctx.inputs[1].shape, &y = ctx.outputs[0].shape;
  if (x.rank() < 1 || y.rank() != x.rank() || w.rank() != 2) {
    return ctx.error(fmt::format("input {}, weights {} and output {} must be (..., k), (n, k) and (..., n)",
                                 to_string(x), to_string(w), to_string(y)));
  }
  const int last = x.rank() - 1;
  const Result<std::int64_t> codes = count_of(ctx, ctx.inputs[0], "the input");
  if (!codes) return codes.status();
  const Result<std::int64_t> results = count_of(ctx, ctx.outputs[0], "the output");
  if (!results) return results.status();
  const std::int64_t k = w[1], n = w[0], rows = x.count(0, last);
  if (k < 1 || n < 1 || x[last] != k || y[last] != n || y.count(0, last) != rows) {
    return ctx.error(
        fmt::format("weights {} do not fit input {} and output {}", to_string(w), to_string(x), to_string(y)));
  }
  ConvGeometry g;
  g.in = g.out = {1, rows};
  g.in_channels = k;
  g.out_channels = n;
  return g;
}

}  // namespace

Result<PreparedOp> prepare_dense(const OpContext& ctx) {
  if (ctx.inputs[0].dtype == DType::f32) return fp32::prepare_dense(ctx);
  if (Status status = check_int8_operands(ctx); !status) return status;
  const Result<ConvGeometry> g = geometry_of(ctx);
  if (!g) return g.status();
  const auto n = static_cast<std::size_t>(g->out_channels), k = static_cast<std::size_t>(g->in_channels);
  const Operand& w = ctx.inputs[1];
  const auto gather = [&] {
    return gather_weights(w.constant_as<std::uint8_t>(), flip_to_s8(w), 1, n, 1, k,
                          [k](std::size_t c, std::size_t, std::size_t p) { return c * k + p; });
  };
  Result<PackedGemm> gemm = make_packed_gemm(ctx, {1, n, 1, k}, WeightOrder::channels, gather,
                                             std::get<graph::DenseAttrs>(ctx.attrs).clamp, nullptr);
  if (!gemm) return gemm.status();
  return make_indirect_gemm(ctx, *g, std::move(*gemm), "gemm");
}

}  // namespace octet::kernels
