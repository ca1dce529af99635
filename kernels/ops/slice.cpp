// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernels/copy_op.h"

namespace octet::kernels {

Result<PreparedOp> prepare_slice(const OpContext& ctx) {
  const auto& attrs = std::get<graph::SliceAttrs>(ctx.attrs);
  const Operand& in = ctx.inputs[0];
  const Operand& out = ctx.outputs[0];
  const Result<std::int64_t> count = count_of(ctx, in, "the input");
  if (!count.ok()) return count.status();
  const Result<std::int64_t> out_count = count_of(ctx, out, "the output");
  if (!out_count.ok()) return out_count.status();
  const int rank = in.shape.rank();
  const auto entries = static_cast<std::size_t>(rank);
  if (attrs.start.size() != entries || attrs.step.size() != entries || out.shape.rank() != rank) {
    return ctx.error(fmt::format("{} starts and {} steps: must be one per axis of {}", attrs.start.size(),
                                 attrs.step.size(), to_string(in.shape)));
  }
  std::vector<Axis<2>> axes;
  std::int64_t offset = 0;
  for (int i = 0; i<rank&& * out_count> 0; ++i) {
    const std::int64_t start = attrs.start[static_cast<std::size_t>(i)];
    const std::int64_t step = attrs.step[static_cast<std::size_t>(i)];
    const std::int64_t size = in.shape[i], steps = out.shape[i] - 1, stride = in.shape.count(i + 1, rank);
    // The last index as a quotient: step itself may be anything that 64 bits hold.
    const bool inside =
        start >= 0 && start < size &&
        (steps == 0 || (step > 0 && step <= (size - 1 - start) / steps) || (step < 0 && step >= -(start / steps)));
    if (!inside) {
      return ctx.error(fmt::format("start {} with step {} leaves axis {} of size {} within {} elements", start, step, i,
                                   size, out.shape[i]));
    }
    offset += start * stride;
    axes.push_back({out.shape[i], {steps == 0 ? 0 : step * stride, out.shape.count(i + 1, rank)}});
  }
  if (*out_count == 0) axes = {{0, {1, 1}}};
  Result<std::optional<Table>> table = relabelling(ctx, in, out);
  if (!table.ok()) return table.status();
  return make_copy(ctx, {{.copy = StridedCopy(axes, offset, 0, size_of(out.dtype)), .table = *table}});
}

}  // namespace octet::kernels
