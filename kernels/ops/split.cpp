// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/copy_op.h"

namespace octet::kernels {

Result<PreparedOp> prepare_split(const OpContext& ctx) {
  const Operand& in = ctx.inputs[0];
  const int rank = in.shape.rank();
  const Result<std::int64_t> count = count_of(ctx, in, "the input");
  if (!count.ok()) return count.status();
  const Result<int> axis = axis_of(ctx, std::get<graph::SplitAttrs>(ctx.attrs).axis, rank);
  if (!axis.ok()) return axis.status();

  std::vector<CopyStep> steps;
  std::int64_t at = 0;
  for (std::size_t i = 0; i < ctx.outputs.size(); ++i) {
    const Operand& out = ctx.outputs[i];
    const std::int64_t from = at;
    bool fits = out.shape.rank() == rank && out.shape.is_known();
    for (int d = 0; fits && d < rank; ++d)
      fits = d == *axis ? out.shape[d] <= in.shape[d] - at : out.shape[d] == in.shape[d];
    if (!fits) {
      return ctx.error(fmt::format("output {} of shape {} does not fit input {} along axis {}", i, to_string(out.shape),
                                   to_string(in.shape), *axis));
    }
    at += out.shape[*axis];
    if (!out.present) continue;
    Result<std::optional<Table>> table = relabelling(ctx, in, out);
    if (!table.ok()) return table.status();
    steps.push_back({.copy = StridedCopy(box_axes(out.shape, in.shape, out.shape),
                                         from * in.shape.count(*axis + 1, rank), 0, size_of(out.dtype)),
                     .output = static_cast<int>(i),
                     .table = *table});
  }
  return make_copy(ctx, std::move(steps));
}

}  // namespace octet::kernels
