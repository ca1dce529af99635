// SPDX-License-Identifier: Apache-2.0
// out = condition ? a : b, all three broadcast. Codes pass a table where their parameters are not the output's.
#include <fmt/format.h>

#include <memory>

#include "kernels/broadcast.h"
#include "kernels/op.h"
#include "kernels/table.h"

namespace octet::kernels {
namespace {

struct Tables {
  std::optional<Table> a, b;
};

template <class T>
class Where final : public Prepared {
 public:
  Where(const OpContext& ctx, const Tables& tables) : tables_(tables) {
    const Shape& out = ctx.outputs[0].shape;
    std::vector<Axis<3>> axes;
    for (int i = 0; i < out.rank(); ++i) {
      Axis<3> axis{out[i], {}};
      for (std::size_t operand = 0; operand < 3; ++operand) {
        const Shape& shape = ctx.inputs[operand].shape;
        const int own = i - (out.rank() - shape.rank());
        axis.stride[operand] = own < 0 || shape[own] == 1 ? 0 : shape.count(own + 1, shape.rank());
      }
      axes.push_back(axis);
    }
    axes = collapse<3>(axes);
    if (!axes.empty()) {
      inner_ = axes.back();
      axes.pop_back();
    }
    outer_ = Odometer<3>(axes);
    slices_ = slices_for(outer_.count(), 3.0 * static_cast<double>(inner_.size), ctx.threads);
  }

  int slices() const override { return slices_; }
  std::string kernel() const override { return "copy"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(outer_.count(), slice, slices_);
    if (range.first >= range.last) return;
    Odometer<3> outer = outer_;
    outer.seek(range.first);
    for (std::int64_t unit = range.first; unit < range.last; ++unit, outer.next()) {
      const auto* condition = io.input<std::uint8_t>(0) + outer.offset(0);
      const T *a = io.input<T>(1) + outer.offset(1), *b = io.input<T>(2) + outer.offset(2);
      T* out = io.output<T>() + unit * inner_.size;
      for (std::int64_t i = 0; i < inner_.size; ++i) {
        out[i] = condition[i * inner_.stride[0]] != 0 ? mapped(tables_.a, a[i * inner_.stride[1]])
                                                      : mapped(tables_.b, b[i * inner_.stride[2]]);
      }
    }
  }

 private:
  static T mapped(const std::optional<Table>& table, T element) {
    if constexpr (sizeof(T) == 1) {
      if (table) return (*table)[element];
    }
    return element;
  }

  Tables tables_;
  Odometer<3> outer_;
  Axis<3> inner_;
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_where(const OpContext& ctx) {
  const Operand& out = ctx.outputs[0];
  for (const Operand& input : ctx.inputs) {
    if (!broadcasts_to(input.shape, out.shape))
      return ctx.error(fmt::format("shape {} does not broadcast to {}", to_string(input.shape), to_string(out.shape)));
  }
  if (ctx.inputs[0].dtype != DType::boolean || ctx.inputs[1].dtype != out.dtype || ctx.inputs[2].dtype != out.dtype) {
    return ctx.error(fmt::format("chooses {} between {} and {} by {}: must be of one type, by bool", name_of(out.dtype),
                                 name_of(ctx.inputs[1].dtype), name_of(ctx.inputs[2].dtype),
                                 name_of(ctx.inputs[0].dtype)));
  }
  Tables tables;
  const auto a = relabelling(ctx, ctx.inputs[1], out);
  if (!a) return a.status();
  const auto b = relabelling(ctx, ctx.inputs[2], out);
  if (!b) return b.status();
  tables = {*a, *b};
  switch (size_of(out.dtype)) {
    case 1:
      return PreparedOp(std::make_unique<Where<std::uint8_t>>(ctx, tables));
    case 4:
      return PreparedOp(std::make_unique<Where<std::uint32_t>>(ctx, tables));
    default:
      return PreparedOp(std::make_unique<Where<std::uint64_t>>(ctx, tables));
  }
}

}  // namespace octet::kernels
