// SPDX-License-Identifier: Apache-2.0
// The functions behind unary_table(), one line each.
#include <cmath>

#include "kernels/exact_math.h"
#include "kernels/table.h"

namespace octet::kernels {

#include "kernels/requantize.inl"

namespace {

using graph::UnaryAttrs;
using graph::UnaryFn;

double sigmoid(double x) { return 1 / (1 + exact::exp(-x)); }
double gelu_erf(double x) { return 0.5 * x * (1 + exact::erf(x * 0.70710678118654752440)); }
double gelu_tanh(double x) { return 0.5 * x * (1 + exact::tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x))); }
double softplus(double x) { return (x > 0 ? x : 0) + exact::log1p(exact::exp(x > 0 ? -x : x)); }

template <class Real>
Real limit(Real x, Real lo, Real hi) {
  return x < lo ? lo : x > hi ? hi : x;
}

// Sums, products and comparisons are done in Real, as the peers do them; what needs exp, tanh, erf
// or log is done in double and rounded to Real once.
template <class Real>
Real evaluate(const UnaryAttrs& attrs, Real x) {
  const Real alpha = attrs.alpha, beta = attrs.beta;
  const double wide = x;
  switch (attrs.fn) {
    case UnaryFn::relu:
      return x > 0 ? x : 0;
    case UnaryFn::clip:
      return limit<Real>(x, attrs.clip.lo, attrs.clip.hi);
    case UnaryFn::leaky_relu:
      return x < 0 ? x * alpha : x;
    case UnaryFn::elu:
      return x < 0 ? static_cast<Real>(alpha * (exact::exp(wide) - 1)) : x;
    case UnaryFn::sigmoid:
      return static_cast<Real>(sigmoid(wide));
    case UnaryFn::hard_sigmoid:
      return limit<Real>(alpha * x + beta, 0, 1);
    case UnaryFn::hard_swish:
      return x * limit<Real>(x + 3, 0, 6) / 6;
    case UnaryFn::silu:
      return static_cast<Real>(wide * sigmoid(wide));
    case UnaryFn::tanh:
      return static_cast<Real>(exact::tanh(wide));
    case UnaryFn::gelu_erf:
      return static_cast<Real>(gelu_erf(wide));
    case UnaryFn::gelu_tanh:
      return static_cast<Real>(gelu_tanh(wide));
    case UnaryFn::erf:
      return static_cast<Real>(exact::erf(wide));
    case UnaryFn::exp:
      return static_cast<Real>(exact::exp(wide));
    case UnaryFn::log:
      return static_cast<Real>(exact::log(wide));
    case UnaryFn::sqrt:
      return std::sqrt(x);
    case UnaryFn::reciprocal:
      return 1 / x;
    case UnaryFn::neg:
      return -x;
    case UnaryFn::abs:
      return std::fabs(x);
    case UnaryFn::floor:
      return std::floor(x);
    case UnaryFn::ceil:
      return std::ceil(x);
    case UnaryFn::softplus:
      return static_cast<Real>(softplus(wide));
  }
  return x;
}

// As in quantizing, NaN (log of a negative number ...) becomes the zero point and an infinity the
// end of the range.
std::int32_t finish_fixed(double y, const Codes& out, CodeRange range) {
  const double v = y / out.scale;
  if (v != v) return out.zero_point;
  const double code = out.zero_point + std::floor(v + 0.5);
  return static_cast<std::int32_t>(limit<double>(code, range.min, range.max));
}

std::int32_t finish_floating(float y, const Codes& out, CodeRange range, RequantMode mode) {
  float v = mode == RequantMode::floating_qnnpack ? y * (1.0F / out.scale) : y / out.scale;
  if (v != v) v = 0;
  v = limit(v, static_cast<float>(range.min - out.zero_point), static_cast<float>(range.max - out.zero_point));
  return round_half_even(v) + out.zero_point;
}

// A slope of its own below the zero point. A negative slope negates the accumulator, which is the
// same product.
Table leaky_table(const Codes& in, const Codes& out, float slope) {
  const CodeRange range = code_range(out.dtype);
  const FixedScale plus = fixed_scale(fixed_factor(in.scale, 1, out.scale));
  const FixedScale minus = fixed_scale(std::fabs(static_cast<double>(slope)) * in.scale / out.scale);
  Table table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    const std::int32_t acc = in.code(static_cast<std::uint8_t>(byte)) - in.zero_point;
    const FixedScale& m = acc < 0 ? minus : plus;
    table[byte] = static_cast<std::uint8_t>(requantize_fixed(acc < 0 && slope < 0 ? -acc : acc, m.multiplier, m.shift,
                                                             out.zero_point, range.min, range.max));
  }
  return table;
}

}  // namespace

Table unary_table(const UnaryAttrs& attrs, const Codes& in, const Codes& out, RequantMode mode) {
  const CodeRange range = code_range(out.dtype);
  const bool fixed = mode == RequantMode::fixed;
  if (fixed && (attrs.fn == UnaryFn::relu || attrs.fn == UnaryFn::clip)) {
    graph::Clamp clamp = attrs.clip;
    if (attrs.fn == UnaryFn::relu) {
      clamp = {};
      clamp.lo = 0;
    }
    return requantize_table(in, out, code_range(out.dtype, out.scale, out.zero_point, clamp), mode);
  }
  if (fixed && attrs.fn == UnaryFn::leaky_relu) return leaky_table(in, out, attrs.alpha);

  Table table{};
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    const std::int32_t centred = in.code(static_cast<std::uint8_t>(byte)) - in.zero_point;
    const std::int32_t code =
        fixed ? finish_fixed(evaluate<double>(attrs, static_cast<double>(in.scale) * centred), out, range)
              : finish_floating(evaluate<float>(attrs, in.scale * static_cast<float>(centred)), out, range, mode);
    table[byte] = static_cast<std::uint8_t>(code);
  }
  return table;
}

}  // namespace octet::kernels
