// SPDX-License-Identifier: Apache-2.0
#include "kernels/integer_ops.h"

#include <fmt/format.h>

#include <type_traits>

#include "kernels/pairwise.h"

namespace octet::kernels {
namespace {

using graph::BinaryFn;

template <class T>
T applied(BinaryFn fn, T a, T b) {
  using Bits = std::make_unsigned_t<T>;  // wraps without being undefined
  switch (fn) {
    case BinaryFn::add:
      return static_cast<T>(static_cast<Bits>(a) + static_cast<Bits>(b));
    case BinaryFn::sub:
      return static_cast<T>(static_cast<Bits>(a) - static_cast<Bits>(b));
    case BinaryFn::mul:
      return static_cast<T>(static_cast<Bits>(a) * static_cast<Bits>(b));
    case BinaryFn::div:
      if (b == 0) return 0;
      return b == -1 ? static_cast<T>(Bits{0} - static_cast<Bits>(a)) : static_cast<T>(a / b);
    case BinaryFn::min:
      return a < b ? a : b;
    case BinaryFn::max:
      return a > b ? a : b;
    case BinaryFn::pow:
      break;
  }
  return 0;
}

template <class T>
using Binary = Pairwise<T, T, BinaryFn, applied<T>>;

template <class T>
class Unary final : public Prepared {
 public:
  explicit Unary(const OpContext& ctx)
      : negates_(std::get<graph::UnaryAttrs>(ctx.attrs).fn == graph::UnaryFn::neg),
        count_(ctx.outputs[0].shape.count()),
        slices_(slices_for(count_, 1, ctx.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "elementwise"; }
  void run(const Io& io, int slice) const noexcept override {
    using Bits = std::make_unsigned_t<T>;
    const Range range = share_of(count_, slice, slices_);
    for (std::int64_t i = range.first; i < range.last; ++i) {
      const T x = io.input<T>(0)[i];
      io.output<T>()[i] = negates_ || x < 0 ? static_cast<T>(Bits{0} - static_cast<Bits>(x)) : x;
    }
  }

 private:
  bool negates_;
  std::int64_t count_;
  int slices_;
};

}  // namespace

Result<PreparedOp> prepare_integer_binary(const OpContext& ctx) {
  const Operand &a = ctx.inputs[0], &b = ctx.inputs[1], &out = ctx.outputs[0];
  if (a.dtype != out.dtype || b.dtype != out.dtype || !is_integer_type(out.dtype))
    return ctx.error(fmt::format("works on {} and {}: must be of one type", name_of(a.dtype), name_of(b.dtype)));
  if (!broadcasts_to(a.shape, out.shape) || !broadcasts_to(b.shape, out.shape)) {
    return ctx.error(fmt::format("shapes {} and {} do not broadcast to {}", to_string(a.shape), to_string(b.shape),
                                 to_string(out.shape)));
  }
  const auto& attrs = std::get<graph::BinaryAttrs>(ctx.attrs);
  if (attrs.fn == BinaryFn::pow || attrs.clamp.active())
    return ctx.error("powers and clamps of integers are not supported");
  if (out.dtype == DType::s64) return PreparedOp(std::make_unique<Binary<std::int64_t>>(ctx, attrs.fn));
  return PreparedOp(std::make_unique<Binary<std::int32_t>>(ctx, attrs.fn));
}

Result<PreparedOp> prepare_integer_unary(const OpContext& ctx) {
  const auto fn = std::get<graph::UnaryAttrs>(ctx.attrs).fn;
  const bool known = fn == graph::UnaryFn::neg || fn == graph::UnaryFn::abs;
  if (!known || ctx.inputs[0].dtype != ctx.outputs[0].dtype || !(ctx.inputs[0].shape == ctx.outputs[0].shape))
    return ctx.error("of integers only the negative and the absolute value are supported");
  if (ctx.outputs[0].dtype == DType::s64) return PreparedOp(std::make_unique<Unary<std::int64_t>>(ctx));
  return PreparedOp(std::make_unique<Unary<std::int32_t>>(ctx));
}

}  // namespace octet::kernels
