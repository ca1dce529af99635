// SPDX-License-Identifier: Apache-2.0
// Tile and Expand: every axis of the input repeats until the output is full.
#include <fmt/format.h>

#include "kernels/codes.h"
#include "kernels/copy_op.h"

namespace octet::kernels {

Result<PreparedOp> prepare_tile(const OpContext& ctx) {
  const Operand &in = ctx.inputs[0], &out = ctx.outputs[0];
  const Result<std::int64_t> count = count_of(ctx, out, "the output");
  if (!count) return count.status();
  const int missing = out.shape.rank() - in.shape.rank();
  const auto refuse = [&] {
    return ctx.error(fmt::format("input {} does not repeat to {}", to_string(in.shape), to_string(out.shape)));
  };
  if (missing < 0) return refuse();
  std::vector<Axis<2>> axes;  // two per axis: the repetitions, and one period
  for (int i = 0; i < out.shape.rank(); ++i) {
    const int own = i - missing;
    const std::int64_t size = own < 0 ? 1 : in.shape[own], to = out.shape.count(i + 1, out.shape.rank());
    if (size == 0 ? out.shape[i] != 0 : out.shape[i] % size != 0) return refuse();
    const std::int64_t from = own < 0 ? 0 : in.shape.count(own + 1, in.shape.rank());
    if (size > 0) axes.push_back({out.shape[i] / size, {0, size * to}});
    axes.push_back({size, {from, to}});
  }
  axes = collapse<2>(axes);
  if (*count == 0) axes = {{0, {1, 1}}};
  if (axes.size() > static_cast<std::size_t>(Shape::kMaxRank)) {
    return ctx.error(fmt::format("repeats {} to {} along too many axes", to_string(in.shape), to_string(out.shape)));
  }
  Result<std::optional<Table>> table = relabelling(ctx, in, out);
  if (!table) return table.status();
  return make_copy(ctx, {{.copy = StridedCopy(axes, 0, 0, size_of(out.dtype)), .table = *table}});
}

}  // namespace octet::kernels
