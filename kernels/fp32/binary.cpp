// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <memory>

#include "kernels/broadcast.h"
#include "kernels/float_ops.h"
#include "kernels/fp32/clamp.h"
#include "kernels/fp32/elementary.h"

namespace octet::kernels::fp32 {
namespace {

using graph::BinaryFn;

// min and max give NaN if either operand is NaN, as numpy does.
template <BinaryFn kFn>
inline float apply(float a, float b) {
  if constexpr (kFn == BinaryFn::add) return a + b;
  if constexpr (kFn == BinaryFn::sub) return a - b;
  if constexpr (kFn == BinaryFn::mul) return a * b;
  if constexpr (kFn == BinaryFn::div) return a / b;
  if constexpr (kFn == BinaryFn::pow) return opow(a, b);
  if constexpr (kFn == BinaryFn::min) return a < b || a != a ? a : b;
  if constexpr (kFn == BinaryFn::max) return a > b || a != a ? a : b;
}

template <BinaryFn kFn>
class Binary final : public Prepared {
 public:
  explicit Binary(const OpContext& context)
      : broadcast_(context.inputs[0].shape, context.inputs[1].shape, context.outputs[0].shape),
        clamp_(std::get<graph::BinaryAttrs>(context.attrs).clamp),
        count_(context.outputs[0].shape.count()),
        slices_(slices_for(count_, kFn == BinaryFn::pow ? 40 : 1, context.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "fp32 elementwise"; }

  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(count_, slice, slices_);
    broadcast_.for_rows(range.first, range.last,
                        [&](std::int64_t a_at, std::int64_t a_step, std::int64_t b_at, std::int64_t b_step,
                            std::int64_t out_at, std::int64_t n) {
                          const float *a = io.input<float>(0) + a_at, *b = io.input<float>(1) + b_at;
                          float* out = io.output<float>() + out_at;
                          if (a_step == 1 && b_step == 1) {
                            row<1, 1>(a, b, out, n);
                          } else if (a_step == 1) {
                            row<1, 0>(a, b, out, n);
                          } else if (b_step == 1) {
                            row<0, 1>(a, b, out, n);
                          } else {
                            row<0, 0>(a, b, out, n);
                          }
                        });
  }

 private:
  template <int kA, int kB>
  void row(const float* a, const float* b, float* out, std::int64_t n) const {
    const graph::Clamp bounds = clamp_;  // a copy that `out` cannot alias
    for (std::int64_t i = 0; i < n; ++i) out[i] = clamp(apply<kFn>(a[i * kA], b[i * kB]), bounds);
  }

  Broadcast broadcast_;
  graph::Clamp clamp_;
  std::int64_t count_;
  int slices_;
};

}  // namespace

Result<PreparedOp> prepare_binary(const OpContext& context) {
  const Shape &a = context.inputs[0].shape, &b = context.inputs[1].shape, &out = context.outputs[0].shape;
  if (!broadcasts_to(a, out) || !broadcasts_to(b, out)) {
    return context.error(
        fmt::format("shapes {} and {} do not broadcast to {}", to_string(a), to_string(b), to_string(out)));
  }
  switch (std::get<graph::BinaryAttrs>(context.attrs).fn) {
    case BinaryFn::add:
      return PreparedOp(std::make_unique<Binary<BinaryFn::add>>(context));
    case BinaryFn::sub:
      return PreparedOp(std::make_unique<Binary<BinaryFn::sub>>(context));
    case BinaryFn::mul:
      return PreparedOp(std::make_unique<Binary<BinaryFn::mul>>(context));
    case BinaryFn::div:
      return PreparedOp(std::make_unique<Binary<BinaryFn::div>>(context));
    case BinaryFn::pow:
      return PreparedOp(std::make_unique<Binary<BinaryFn::pow>>(context));
    case BinaryFn::min:
      return PreparedOp(std::make_unique<Binary<BinaryFn::min>>(context));
    case BinaryFn::max:
      return PreparedOp(std::make_unique<Binary<BinaryFn::max>>(context));
  }
  return context.error("an elementwise function of two operands that octet does not know");
}

}  // namespace octet::kernels::fp32
