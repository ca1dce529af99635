// SPDX-License-Identifier: Apache-2.0
// The index of the largest (or smallest) element along an axis. Codes are compared as they are: scales are
// positive. A NaN counts as larger, and as smaller, than every number, as in numpy.
#include <fmt/format.h>

#include <memory>

#include "kernels/codes.h"
#include "kernels/op.h"

namespace octet::kernels {
namespace {

template <class T>
class ArgMax final : public Prepared {
 public:
  ArgMax(const OpContext& ctx, int axis)
      : attrs_(std::get<graph::ArgMaxAttrs>(ctx.attrs)),
        rows_(ctx.inputs[0].shape.count(0, axis)),
        n_(ctx.inputs[0].shape[axis]),
        step_(ctx.inputs[0].shape.count(axis + 1, ctx.inputs[0].shape.rank())),
        slices_(slices_for(rows_ * step_, static_cast<double>(n_), ctx.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "arg max"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(rows_ * step_, slice, slices_);
    for (std::int64_t unit = range.first; unit < range.last; ++unit) {
      const T* in = io.input<T>(0) + unit / step_ * n_ * step_ + unit % step_;
      std::int64_t best = 0;
      for (std::int64_t i = 1; i < n_; ++i) {
        const T x = in[i * step_], y = in[best * step_];
        const bool better = attrs_.smallest ? x < y : x > y;
        const bool equal = attrs_.last && x == y;
        if ((better || equal || x != x) && (y == y || (attrs_.last && x != x))) best = i;
      }
      io.output<std::int64_t>()[unit] = best;
    }
  }

 private:
  graph::ArgMaxAttrs attrs_;
  std::int64_t rows_, n_, step_;  // the input as (rows, n, step)
  int slices_;
};

}  // namespace

Result<PreparedOp> prepare_arg_max(const OpContext& ctx) {
  const Operand& in = ctx.inputs[0];
  const Result<int> axis = axis_of(ctx, std::get<graph::ArgMaxAttrs>(ctx.attrs).axis, in.shape.rank());
  if (!axis) return axis.status();
  if (in.shape[*axis] < 1) return ctx.error(fmt::format("axis {} is empty: it has no largest element", *axis));
  switch (in.dtype) {
    case DType::f32:
      return PreparedOp(std::make_unique<ArgMax<float>>(ctx, *axis));
    case DType::u8:
    case DType::boolean:
      return PreparedOp(std::make_unique<ArgMax<std::uint8_t>>(ctx, *axis));
    case DType::s8:
      return PreparedOp(std::make_unique<ArgMax<std::int8_t>>(ctx, *axis));
    case DType::s32:
      return PreparedOp(std::make_unique<ArgMax<std::int32_t>>(ctx, *axis));
    case DType::s64:
      return PreparedOp(std::make_unique<ArgMax<std::int64_t>>(ctx, *axis));
  }
  return ctx.error("an element type that octet does not know");
}

}  // namespace octet::kernels
