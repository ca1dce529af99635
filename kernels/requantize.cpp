// SPDX-License-Identifier: Apache-2.0
#include "kernels/requantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace octet::kernels {
namespace {

// rne(x), for |x| < 2^51: nearbyint in the default rounding mode, which octet sets around its work.
std::int32_t nearest(double x) { return static_cast<std::int32_t>(std::nearbyint(x)); }

// clamp(rne(f32(x / scale)) + zp), clamped in float before the conversion; infinities go to the ends.
std::int32_t code_of(float x, float scale, std::int32_t zero_point, CodeRange range) {
  const float lo = static_cast<float>(range.min - zero_point);
  const float hi = static_cast<float>(range.max - zero_point);
  const float v = x / scale;
  return zero_point + nearest(!(v > lo) ? lo : v > hi ? hi : v);
}

}  // namespace

FixedScale fixed_scale(double real) {
  constexpr FixedScale kZero{0, 62};
  if (!(real > 0)) return kZero;
  int exponent = 0;
  const double fraction = std::frexp(std::min(real, 512.0), &exponent);  // in [1/2, 1)
  double multiplier = std::nearbyint(std::ldexp(fraction, 31));          // in [2^30, 2^31], the product is exact
  int shift = 31 - exponent;
  if (multiplier == 0x1p31) {
    multiplier = 0x1p30;
    --shift;
  }
  if (shift > 62) return kZero;
  return {static_cast<std::int32_t>(multiplier), shift};
}

// The product of two floats is exact in double, so this rounds once.
double fixed_factor(float sx, float sw, float so) {
  return static_cast<double>(sx) * static_cast<double>(sw) / static_cast<double>(so);
}

// An infinite factor would make 0 * factor a NaN; the largest finite one clamps every other accumulator alike.
float floating_factor(float sx, float sw, float so, RequantMode mode) {
  const float product = sx * sw;
  const float factor = mode == RequantMode::floating_qnnpack ? product * (1.0F / so) : product / so;
  return factor > std::numeric_limits<float>::max() ? std::numeric_limits<float>::max() : factor;
}

CodeRange code_range(DType dtype) { return dtype == DType::s8 ? CodeRange{-128, 127} : CodeRange{0, 255}; }

CodeRange code_range(DType dtype, float scale, std::int32_t zero_point, const graph::Clamp& clamp) {
  CodeRange range = code_range(dtype);
  const CodeRange all = range;
  if (clamp.lo > -std::numeric_limits<float>::infinity()) range.min = code_of(clamp.lo, scale, zero_point, all);
  if (clamp.hi < std::numeric_limits<float>::infinity()) range.max = code_of(clamp.hi, scale, zero_point, all);
  range.min = std::min(range.min, range.max);  // crossed bounds: Clip says the upper one wins
  return range;
}

Result<AddParams> add_params(float sa, std::int32_t za, float sb, std::int32_t zb, float so, std::int32_t zo,
                             CodeRange range, int b_sign, RequantMode mode, std::int32_t relabelled, bool b_first) {
  const double ratio = static_cast<double>(std::max(sa, sb)) / static_cast<double>(so);
  if (!(ratio < 0x1p19)) {
    return Status::error(fmt::format(
        "operand scales {} and {} over the output scale {}: the larger ratio must be below 2^19", sa, sb, so));
  }
  int exponent = 0;
  std::frexp(ratio, &exponent);                   // floor(log2(ratio)) + 1, at most 19
  const int shift = std::min(30, 21 - exponent);  // at least 2
  const auto multiplier = [&](float s) {          // at most 2^21
    return nearest(std::ldexp(static_cast<double>(s) / static_cast<double>(so), shift));
  };
  AddParams add{.za = za,
                .zb = zb,
                .zo = zo,
                .ma = multiplier(sa),
                .mb = b_sign * multiplier(sb),
                .shift = shift,
                .fa = sa / so,
                .fb = static_cast<float>(b_sign) * (sb / so),
                .fc = 0,
                .min = range.min,
                .max = range.max,
                .finish = finish_of(mode),
                .b_first = b_first};
  if (add.finish == Finish::floating) {  // rounded as the model's own codes: another label would round otherwise
    const auto a = static_cast<float>(za - relabelled), b = static_cast<float>(zb - relabelled);
    const float zeros = b_first ? std::fma(add.fb, b, add.fa * a) : std::fma(add.fa, a, add.fb * b);
    add.fc = static_cast<float>(zo - relabelled) - zeros;
    add.za = add.zb = add.zo = relabelled;
  }
  return add;
}

MulParams mul_params(float sa, std::int32_t za, float sb, std::int32_t zb, float so, std::int32_t zo, CodeRange range,
                     RequantMode mode) {
  const FixedScale fixed = fixed_scale(fixed_factor(sa, sb, so));
  return {.za = za,
          .zb = zb,
          .zo = zo,
          .multiplier = fixed.multiplier,
          .shift = fixed.shift,
          .scale = floating_factor(sa, sb, so, mode),
          .min = range.min,
          .max = range.max,
          .finish = finish_of(mode)};
}

Finish finish_of(RequantMode mode) { return mode == RequantMode::fixed ? Finish::fixed : Finish::floating; }

}  // namespace octet::kernels
