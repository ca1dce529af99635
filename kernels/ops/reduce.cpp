// SPDX-License-Identifier: Apache-2.0
// Sum, maximum, minimum and product over any axes. Codes: maximum and minimum only, which pick one of them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <type_traits>

#include "kernels/codes.h"
#include "kernels/odometer.h"
#include "kernels/table.h"

namespace octet::kernels {
namespace {

using graph::ReduceFn;

constexpr int kLanes = 16;  // elements i, i + 16 ... meet in lane i % 16: the order of every float reduction

template <class T>
T neutral(ReduceFn fn) {
  using Limits = std::numeric_limits<T>;
  switch (fn) {
    case ReduceFn::sum:
      return T{};
    case ReduceFn::max:
      return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    case ReduceFn::min:
      return Limits::has_infinity ? Limits::infinity() : Limits::max();
    case ReduceFn::prod:
      return T{1};
  }
  return T{};
}

// Integers wrap; a NaN beats every number.
template <class T>
T joined(ReduceFn fn, T a, T b) {
  using Wide = std::conditional_t<std::is_same_v<T, float>, float, std::uint64_t>;
  switch (fn) {
    case ReduceFn::sum:
      return static_cast<T>(static_cast<Wide>(a) + static_cast<Wide>(b));
    case ReduceFn::prod:
      return static_cast<T>(static_cast<Wide>(a) * static_cast<Wide>(b));
    case ReduceFn::max:
      return a > b || a != a ? a : b;
    case ReduceFn::min:
      return a < b || a != a ? a : b;
  }
  return a;
}

template <class T>
class Reduce final : public Prepared {
 public:
  Reduce(const OpContext& ctx, const std::vector<bool>& is_reduced, const std::optional<Table>& table)
      : fn_(std::get<graph::ReduceAttrs>(ctx.attrs).fn), table_(table) {
    const Shape& in = ctx.inputs[0].shape;
    std::vector<Axis<1>> kept, reduced;
    for (int axis = 0; axis < in.rank(); ++axis) {
      (is_reduced[static_cast<std::size_t>(axis)] ? reduced : kept)
          .push_back({in[axis], {in.count(axis + 1, in.rank())}});
    }
    kept_ = Odometer<1>(collapse<1>(kept));
    reduced_ = Odometer<1>(collapse<1>(reduced));
    slices_ = slices_for(kept_.count(), 2.0 * static_cast<double>(reduced_.count()), ctx.threads);
  }

  int slices() const override { return slices_; }
  std::string kernel() const override { return std::is_same_v<T, float> ? "fp32 reduce" : "reduce"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(kept_.count(), slice, slices_);
    if (range.first >= range.last) return;
    Odometer<1> kept = kept_;
    kept.seek(range.first);
    for (std::int64_t unit = range.first; unit < range.last; ++unit, kept.next()) {
      T result = reduced(io.input<T>(0) + kept.offset(0));
      if constexpr (sizeof(T) == 1) {
        if (table_) result = static_cast<T>((*table_)[static_cast<std::uint8_t>(result)]);
      }
      io.output<T>()[unit] = result;
    }
  }

 private:
  T reduced(const T* in) const {
    std::array<T, kLanes> lanes;
    lanes.fill(neutral<T>(fn_));
    Odometer<1> element = reduced_;
    element.seek(0);
    const std::int64_t n = element.count();
    for (std::int64_t i = 0; i < n; ++i, element.next()) {
      T& lane = lanes[static_cast<std::size_t>(i % kLanes)];
      lane = joined(fn_, lane, in[element.offset(0)]);
    }
    for (std::size_t half = kLanes / 2; half > 0; half /= 2)
      for (std::size_t j = 0; j < half; ++j) lanes[j] = joined(fn_, lanes[j], lanes[j + half]);
    return lanes[0];
  }

  ReduceFn fn_;
  std::optional<Table> table_;
  Odometer<1> kept_, reduced_;
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_reduce(const OpContext& ctx) {
  const auto& attrs = std::get<graph::ReduceAttrs>(ctx.attrs);
  const Operand &in = ctx.inputs[0], &out = ctx.outputs[0];
  std::vector<bool> is_reduced(static_cast<std::size_t>(in.shape.rank()), attrs.axes.empty());
  std::int64_t kept = 1;
  for (const std::int64_t named : attrs.axes) {
    const Result<int> axis = axis_of(ctx, named, in.shape.rank());
    if (!axis) return axis.status();
    is_reduced[static_cast<std::size_t>(*axis)] = true;
  }
  for (int i = 0; i < in.shape.rank(); ++i) kept *= is_reduced[static_cast<std::size_t>(i)] ? 1 : in.shape[i];
  if (in.dtype != out.dtype || kept != out.shape.count()) {
    return ctx.error(fmt::format("output {} does not hold one element per kept element of {}", to_string(out.shape),
                                 to_string(in.shape)));
  }
  const bool picks = attrs.fn == ReduceFn::max || attrs.fn == ReduceFn::min;
  if (size_of(in.dtype) == 1 && !picks)
    return ctx.error("adds or multiplies codes: only the largest or smallest is known");
  const Result<std::optional<Table>> table = relabelling(ctx, in, out);
  if (!table) return table.status();
  switch (in.dtype) {
    case DType::f32:
      return PreparedOp(std::make_unique<Reduce<float>>(ctx, is_reduced, *table));
    case DType::s32:
      return PreparedOp(std::make_unique<Reduce<std::int32_t>>(ctx, is_reduced, *table));
    case DType::s64:
      return PreparedOp(std::make_unique<Reduce<std::int64_t>>(ctx, is_reduced, *table));
    case DType::s8:
      return PreparedOp(std::make_unique<Reduce<std::int8_t>>(ctx, is_reduced, *table));
    case DType::u8:
    case DType::boolean:
      return PreparedOp(std::make_unique<Reduce<std::uint8_t>>(ctx, is_reduced, *table));
  }
  return ctx.error("an element type that octet does not know");
}

}  // namespace octet::kernels
