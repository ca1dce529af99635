// SPDX-License-Identifier: Apache-2.0
// Inputs side by side along one axis. Codes whose parameters differ from the output's pass a table.
#include <fmt/format.h>

#include "kernels/copy_op.h"

namespace octet::kernels {

Result<PreparedOp> prepare_concat(const OpContext& ctx) {
  const Operand& out = ctx.outputs[0];
  const int rank = out.shape.rank();
  const Result<std::int64_t> count = count_of(ctx, out, "the output");
  if (!count.ok()) return count.status();
  const Result<int> axis = axis_of(ctx, std::get<graph::ConcatAttrs>(ctx.attrs).axis, rank);
  if (!axis.ok()) return axis.status();

  std::vector<CopyStep> steps;
  std::int64_t at = 0;
  for (std::size_t i = 0; i < ctx.inputs.size(); ++i) {
    const Operand& in = ctx.inputs[i];
    bool fits = in.shape.rank() == rank && in.shape.is_known();
    for (int d = 0; fits && d < rank; ++d)
      fits = d == *axis ? in.shape[d] <= out.shape[d] - at : in.shape[d] == out.shape[d];
    if (!fits) {
      return ctx.error(fmt::format("input {} of shape {} does not fit output {} along axis {}", i, to_string(in.shape),
                                   to_string(out.shape), *axis));
    }
    Result<std::optional<Table>> table = relabelling(ctx, in, out);
    if (!table.ok()) return table.status();
    steps.push_back({.copy = StridedCopy(box_axes(in.shape, in.shape, out.shape), 0,
                                         at * out.shape.count(*axis + 1, rank), size_of(out.dtype)),
                     .input = static_cast<int>(i),
                     .table = *table});
    at += in.shape[*axis];
  }
  if (at != out.shape[*axis]) {
    return ctx.error(fmt::format("inputs fill {} of {} along axis {}", at, out.shape[*axis], *axis));
  }
  return make_copy(ctx, std::move(steps));
}

}  // namespace octet::kernels
