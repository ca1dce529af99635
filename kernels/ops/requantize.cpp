// SPDX-License-Identifier: Apache-2.0
// Codes to codes of other parameters or the other signedness: one table. A relabelling (u8 <-> s8
// with scale and zero point moved along) is the exact special case M = 1.
#include "kernels/codes.h"
#include "kernels/table.h"

namespace octet::kernels {

Result<PreparedOp> prepare_requantize(const OpContext& ctx) {
  const Result<Codes> in = codes_of(ctx, ctx.inputs[0], "the input");
  if (!in.ok()) return in.status();
  const Result<Codes> out = codes_of(ctx, ctx.outputs[0], "the output");
  if (!out.ok()) return out.status();
  const Result<std::int64_t> count = count_of(ctx, ctx.outputs[0], "the output");
  if (!count.ok()) return count.status();
  graph::Clamp clamp;
  if (const auto* attrs = std::get_if<graph::QuantizeAttrs>(&ctx.attrs)) clamp = attrs->clamp;
  const CodeRange range = code_range(out->dtype, out->scale, out->zero_point, clamp);
  return make_lookup(ctx, requantize_table(*in, *out, range, ctx.requant), *count, "requantize");
}

}  // namespace octet::kernels
