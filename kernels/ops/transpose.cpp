// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/copy_op.h"

namespace octet::kernels {

Result<PreparedOp> prepare_transpose(const OpContext& ctx) {
  const auto& perm = std::get<graph::TransposeAttrs>(ctx.attrs).perm;
  const Operand& in = ctx.inputs[0];
  const Operand& out = ctx.outputs[0];
  const Result<std::int64_t> count = count_of(ctx, in, "the input");
  if (!count.ok()) return count.status();
  const int rank = in.shape.rank();
  if (perm.size() != static_cast<std::size_t>(rank) || out.shape.rank() != rank) {
    return ctx.error(
        fmt::format("perm has {} entries: must have one per axis of {}", perm.size(), to_string(in.shape)));
  }
  std::vector<Axis<2>> axes;
  std::vector<bool> seen(perm.size(), false);
  for (int i = 0; i < rank; ++i) {
    const std::int64_t from = perm[static_cast<std::size_t>(i)];
    if (from < 0 || from >= rank || seen[static_cast<std::size_t>(from)]) {
      return ctx.error(fmt::format("perm names axis {} at {}: must name each of {} axes once", from, i, rank));
    }
    seen[static_cast<std::size_t>(from)] = true;
    const int axis = static_cast<int>(from);
    if (out.shape[i] != in.shape[axis]) {
      return ctx.error(fmt::format("output {} is not input {} permuted", to_string(out.shape), to_string(in.shape)));
    }
    axes.push_back({out.shape[i], {in.shape.count(axis + 1, rank), out.shape.count(i + 1, rank)}});
  }
  Result<std::optional<Table>> table = relabelling(ctx, in, out);
  if (!table.ok()) return table.status();
  return make_copy(ctx, {{.copy = StridedCopy(axes, 0, 0, size_of(out.dtype)), .table = *table}});
}

}  // namespace octet::kernels
