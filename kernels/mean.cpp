// SPDX-License-Identifier: Apache-2.0
#include "kernels/mean.h"

#include <algorithm>
#include <limits>

namespace octet::kernels {

// fixed: M = sx / (so * n). Both float modes: f32(sx / f32(so * n)).
MeanScale mean_scale(const Codes& in, const Codes& out, std::int64_t taps, std::int64_t n, RequantMode mode) {
  const double real = static_cast<double>(in.scale) / (static_cast<double>(out.scale) * static_cast<double>(n));
  const FixedScale fixed = fixed_scale(real);
  float scale = static_cast<float>(real);
  if (finish_of(mode) == Finish::floating) scale = in.scale / (out.scale * static_cast<float>(n));
  return {.bias = static_cast<std::int32_t>(-taps * in.zero_point),
          .multiplier = fixed.multiplier,
          .shift = fixed.shift,
          .scale = std::min(scale, std::numeric_limits<float>::max())};  // 0 * infinity would be NaN
}

Requant MeanScale::requant(const Codes& out, RequantMode mode) const {
  const CodeRange range = code_range(out.dtype);
  return {.bias = &bias,
          .multiplier = &multiplier,
          .shift = &shift,
          .scale = &scale,
          .zero_point = out.zero_point,
          .min = range.min,
          .max = range.max,
          .finish = finish_of(mode)};
}

}  // namespace octet::kernels
