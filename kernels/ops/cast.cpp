// SPDX-License-Identifier: Apache-2.0
// Another element type. Floats that an integer cannot hold become the nearest one it can, NaN becomes 0: ONNX
// leaves both open, and CPUs differ.
#include <fmt/format.h>

#include <limits>
#include <memory>

#include "kernels/op.h"

namespace octet::kernels {
namespace {

template <class To, class From>
To converted(From from) {
  if constexpr (std::is_same_v<To, bool>) {
    return from != From{};
  } else if constexpr (std::is_same_v<From, float> && std::is_integral_v<To>) {
    // 2^(bits) as float is exact, and one more than the largest value.
    constexpr float kEnd = static_cast<float>(std::numeric_limits<To>::max() / 2 + 1) * 2.0F;
    if (from != from) return 0;
    if (from >= kEnd) return std::numeric_limits<To>::max();
    if (from < static_cast<float>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    return static_cast<To>(from);
  } else {
    return static_cast<To>(from);
  }
}

template <class From, class To>
class Cast final : public Prepared {
 public:
  explicit Cast(const OpContext& ctx)
      : count_(ctx.outputs[0].shape.count()), slices_(slices_for(count_, 1, ctx.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "elementwise"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(count_, slice, slices_);
    const From* in = io.input<From>(0);
    To* out = io.output<To>();
    for (std::int64_t i = range.first; i < range.last; ++i) out[i] = converted<To>(in[i]);
  }

 private:
  std::int64_t count_;
  int slices_;
};

template <class From>
PreparedOp from(const OpContext& ctx) {
  switch (ctx.outputs[0].dtype) {
    case DType::f32:
      return std::make_unique<Cast<From, float>>(ctx);
    case DType::u8:
      return std::make_unique<Cast<From, std::uint8_t>>(ctx);
    case DType::s8:
      return std::make_unique<Cast<From, std::int8_t>>(ctx);
    case DType::s32:
      return std::make_unique<Cast<From, std::int32_t>>(ctx);
    case DType::s64:
      return std::make_unique<Cast<From, std::int64_t>>(ctx);
    case DType::boolean:
      return std::make_unique<Cast<From, bool>>(ctx);
  }
  return nullptr;
}

}  // namespace

Result<PreparedOp> prepare_cast(const OpContext& ctx) {
  const Operand &in = ctx.inputs[0], &out = ctx.outputs[0];
  if (in.quant != nullptr || out.quant != nullptr) return ctx.error("casts codes: they are not numbers");
  if (!(in.shape == out.shape)) return ctx.error("the output's shape must be the input's");
  switch (in.dtype) {
    case DType::f32:
      return from<float>(ctx);
    case DType::u8:
      return from<std::uint8_t>(ctx);
    case DType::s8:
      return from<std::int8_t>(ctx);
    case DType::s32:
      return from<std::int32_t>(ctx);
    case DType::s64:
      return from<std::int64_t>(ctx);
    case DType::boolean:
      return from<bool>(ctx);
  }
  return ctx.error("an element type that octet does not know");
}

}  // namespace octet::kernels
