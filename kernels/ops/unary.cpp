// SPDX-License-Identifier: Apache-2.0
// Any function of one quantized value: 256 answers, looked up.
#include <cmath>

#include "kernels/codes.h"
#include "kernels/float_ops.h"
#include "kernels/integer_ops.h"
#include "kernels/table.h"

namespace octet::kernels {

Result<PreparedOp> prepare_unary(const OpContext& ctx) {
  if (is_integer_type(ctx.outputs[0].dtype)) return prepare_integer_unary(ctx);
  if (!is_code_type(ctx.outputs[0].dtype)) return fp32::prepare_unary(ctx);
  const auto& attrs = std::get<graph::UnaryAttrs>(ctx.attrs);
  const Result<Codes> in = codes_of(ctx, ctx.inputs[0], "the input");
  if (!in.ok()) return in.status();
  const Result<Codes> out = codes_of(ctx, ctx.outputs[0], "the output");
  if (!out.ok()) return out.status();
  const Result<std::int64_t> count = count_of(ctx, ctx.outputs[0], "the output");
  if (!count.ok()) return count.status();
  if (!(ctx.inputs[0].shape == ctx.outputs[0].shape)) return ctx.error("the output's shape must be the input's");
  if (!std::isfinite(attrs.alpha) || !std::isfinite(attrs.beta)) return ctx.error("alpha and beta must be finite");
  return make_lookup(ctx, unary_table(attrs, *in, *out, ctx.requant), *count, "lookup");
}

}  // namespace octet::kernels
