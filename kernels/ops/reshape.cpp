// SPDX-License-Identifier: Apache-2.0
// The same elements under another shape: a copy, for plans that cannot make it a view.
#include <fmt/format.h>

#include "kernels/copy_op.h"

namespace octet::kernels {

Result<PreparedOp> prepare_reshape(const OpContext& ctx) {
  const Operand& in = ctx.inputs[0];
  const Operand& out = ctx.outputs[0];
  const Result<std::int64_t> count = count_of(ctx, in, "the input");
  if (!count.ok()) return count.status();
  const Result<std::int64_t> out_count = count_of(ctx, out, "the output");
  if (!out_count.ok()) return out_count.status();
  if (*count != *out_count) {
    return ctx.error(
        fmt::format("{} elements of {} do not fit shape {}", *count, to_string(in.shape), to_string(out.shape)));
  }
  Result<std::optional<Table>> table = relabelling(ctx, in, out);
  if (!table.ok()) return table.status();
  const Axis<2> all[] = {{*count, {1, 1}}};
  return make_copy(ctx, {{.copy = StridedCopy(all, 0, 0, size_of(out.dtype)), .table = *table}});
}

}  // namespace octet::kernels
