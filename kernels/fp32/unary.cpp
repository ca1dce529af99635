// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <memory>

#include "kernels/float_ops.h"
#include "kernels/fp32/clamp.h"
#include "kernels/fp32/elementary.h"

namespace octet::kernels::fp32 {
namespace {

using graph::UnaryFn;

// relu, clip and everything with a kink let NaN through, as clamp() does.
template <UnaryFn kFn>
inline float apply(float x, const graph::UnaryAttrs& attrs) {
  if constexpr (kFn == UnaryFn::relu) return x < 0.0F ? 0.0F : x;
  if constexpr (kFn == UnaryFn::clip) return clamp(x, attrs.clip);
  if constexpr (kFn == UnaryFn::leaky_relu) return x < 0.0F ? attrs.alpha * x : x;
  if constexpr (kFn == UnaryFn::elu) return x < 0.0F ? attrs.alpha * oexpm1_of_negative(x) : x;
  if constexpr (kFn == UnaryFn::sigmoid) return osigmoid(x);
  if constexpr (kFn == UnaryFn::hard_sigmoid) return clamp(attrs.alpha * x + attrs.beta, {0.0F, 1.0F});
  if constexpr (kFn == UnaryFn::hard_swish) return x * clamp(x + 3.0F, {0.0F, 6.0F}) / 6.0F;
  if constexpr (kFn == UnaryFn::silu) return x * osigmoid(x);
  if constexpr (kFn == UnaryFn::tanh) return otanh(x);
  if constexpr (kFn == UnaryFn::gelu_erf) return (0.5F * x) * (1.0F + oerf(x * 0x1.6a09e6p-1F));  // x / sqrt(2)
  if constexpr (kFn == UnaryFn::gelu_tanh) {  // sqrt(2/pi) (x + 0.044715 x^3)
    return (0.5F * x) * (1.0F + otanh(0x1.988454p-1F * (x + 0.044715F * (x * x * x))));
  }
  if constexpr (kFn == UnaryFn::erf) return oerf(x);
  if constexpr (kFn == UnaryFn::exp) return oexp(x);
  if constexpr (kFn == UnaryFn::log) return olog(x);
  if constexpr (kFn == UnaryFn::sqrt) return std::sqrt(x);
  if constexpr (kFn == UnaryFn::reciprocal) return 1.0F / x;
  if constexpr (kFn == UnaryFn::neg) return -x;
  if constexpr (kFn == UnaryFn::abs) return std::fabs(x);
  if constexpr (kFn == UnaryFn::floor) return std::floor(x);
  if constexpr (kFn == UnaryFn::ceil) return std::ceil(x);
  if constexpr (kFn == UnaryFn::softplus) return osoftplus(x);
}

template <UnaryFn kFn>
class Unary final : public Prepared {
 public:
  explicit Unary(const OpContext& context)
      : attrs_(std::get<graph::UnaryAttrs>(context.attrs)),
        count_(context.outputs[0].shape.count()),
        slices_(slices_for(count_, kCost, context.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "fp32 elementwise"; }

  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(count_, slice, slices_);
    const float* in = io.input<float>(0);
    float* out = io.output<float>();
    const graph::UnaryAttrs attrs = attrs_;  // a copy that `out` cannot alias
    for (std::int64_t i = range.first; i < range.last; ++i) out[i] = apply<kFn>(in[i], attrs);
  }

 private:
  static constexpr bool kSimple = kFn == UnaryFn::relu || kFn == UnaryFn::clip || kFn == UnaryFn::leaky_relu ||
                                  kFn == UnaryFn::hard_sigmoid || kFn == UnaryFn::neg || kFn == UnaryFn::abs;
  static constexpr double kCost = kSimple ? 1 : 10;
  graph::UnaryAttrs attrs_;
  std::int64_t count_;
  int slices_;
};

}  // namespace

Result<PreparedOp> prepare_unary(const OpContext& context) {
  switch (std::get<graph::UnaryAttrs>(context.attrs).fn) {
#define OCTET_CASE(name) \
  case UnaryFn::name:    \
    return PreparedOp(std::make_unique<Unary<UnaryFn::name>>(context))
    OCTET_CASE(relu);
    OCTET_CASE(clip);
    OCTET_CASE(leaky_relu);
    OCTET_CASE(elu);
    OCTET_CASE(sigmoid);
    OCTET_CASE(hard_sigmoid);
    OCTET_CASE(hard_swish);
    OCTET_CASE(silu);
    OCTET_CASE(tanh);
    OCTET_CASE(gelu_erf);
    OCTET_CASE(gelu_tanh);
    OCTET_CASE(erf);
    OCTET_CASE(exp);
    OCTET_CASE(log);
    OCTET_CASE(sqrt);
    OCTET_CASE(reciprocal);
    OCTET_CASE(neg);
    OCTET_CASE(abs);
    OCTET_CASE(floor);
    OCTET_CASE(ceil);
    OCTET_CASE(softplus);
#undef OCTET_CASE
  }
  return context.error("an elementwise function that octet does not know");
}

}  // namespace octet::kernels::fp32
