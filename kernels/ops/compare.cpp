// SPDX-License-Identifier: Apache-2.0
// Truth values: masks of transformers and the choices of Where.
#include <fmt/format.h>

#include <memory>

#include "kernels/broadcast.h"
#include "kernels/op.h"

namespace octet::kernels {
namespace {

using graph::CompareFn;

template <class T>
bool holds(CompareFn fn, T a, T b) {
  switch (fn) {
    case CompareFn::equal:
      return a == b;
    case CompareFn::less:
      return a < b;
    case CompareFn::less_or_equal:
      return a <= b;
    case CompareFn::logical_and:
      return a != T{} && b != T{};
    case CompareFn::logical_or:
      return a != T{} || b != T{};
    case CompareFn::logical_xor:
      return (a != T{}) != (b != T{});
  }
  return false;
}

template <class T>
class Compare final : public Prepared {
 public:
  explicit Compare(const OpContext& ctx)
      : broadcast_(ctx.inputs[0].shape, ctx.inputs[1].shape, ctx.outputs[0].shape),
        fn_(std::get<graph::CompareAttrs>(ctx.attrs).fn),
        count_(ctx.outputs[0].shape.count()),
        slices_(slices_for(count_, 2, ctx.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "elementwise"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(count_, slice, slices_);
    broadcast_.for_rows(range.first, range.last,
                        [&](std::int64_t a_at, std::int64_t a_step, std::int64_t b_at, std::int64_t b_step,
                            std::int64_t out_at, std::int64_t n) {
                          const T *a = io.input<T>(0) + a_at, *b = io.input<T>(1) + b_at;
                          bool* out = io.output<bool>() + out_at;
                          for (std::int64_t i = 0; i < n; ++i) out[i] = holds(fn_, a[i * a_step], b[i * b_step]);
                        });
  }

 private:
  Broadcast broadcast_;
  CompareFn fn_;
  std::int64_t count_;
  int slices_;
};

}  // namespace

Result<PreparedOp> prepare_compare(const OpContext& ctx) {
  const Operand &a = ctx.inputs[0], &b = ctx.inputs[1], &out = ctx.outputs[0];
  if (a.dtype != b.dtype || out.dtype != DType::boolean) {
    return ctx.error(fmt::format("compares {} and {}: must be of one type", name_of(a.dtype), name_of(b.dtype)));
  }
  if (!broadcasts_to(a.shape, out.shape) || !broadcasts_to(b.shape, out.shape)) {
    return ctx.error(fmt::format("shapes {} and {} do not broadcast to {}", to_string(a.shape), to_string(b.shape),
                                 to_string(out.shape)));
  }
  switch (a.dtype) {
    case DType::f32:
      return PreparedOp(std::make_unique<Compare<float>>(ctx));
    case DType::s32:
      return PreparedOp(std::make_unique<Compare<std::int32_t>>(ctx));
    case DType::s64:
      return PreparedOp(std::make_unique<Compare<std::int64_t>>(ctx));
    case DType::s8:
      return PreparedOp(std::make_unique<Compare<std::int8_t>>(ctx));
    case DType::u8:
    case DType::boolean:
      return PreparedOp(std::make_unique<Compare<std::uint8_t>>(ctx));
  }
  return ctx.error("an element type that octet does not know");
}

}  // namespace octet::kernels
