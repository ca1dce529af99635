// SPDX-License-Identifier: Apache-2.0
#include "kernels/codes.h"

#include <fmt/format.h>

#include <cmath>

namespace octet::kernels {

Result<Codes> codes_of(const OpContext& ctx, const Operand& operand, std::string_view what) {
  if (!is_code_type(operand.dtype)) {
    return ctx.error(fmt::format("{} is {}: int8 operators take u8 or s8 codes", what, name_of(operand.dtype)));
  }
  if (operand.quant == nullptr || operand.quant->scale.empty()) {
    return ctx.error(fmt::format("{} has no scale: codes need one scale and zero point", what));
  }
  const Quant& quant = *operand.quant;
  if (!quant.per_tensor() || quant.scale.size() != 1 || quant.zero_point.size() != 1) {
    return ctx.error(
        fmt::format("{} has {} scales: this operator takes per-tensor codes only", what, quant.scale.size()));
  }
  const Codes codes{operand.dtype, quant.scale[0], quant.zero_point[0]};
  if (!std::isfinite(codes.scale) || codes.scale <= 0) {
    return ctx.error(fmt::format("{} has scale {}: must be finite and positive", what, codes.scale));
  }
  const std::int32_t lowest = codes.dtype == DType::s8 ? -128 : 0;
  if (codes.zero_point < lowest || codes.zero_point > lowest + 255) {
    return ctx.error(
        fmt::format("{} has zero point {}: must be a code, {} to {}", what, codes.zero_point, lowest, lowest + 255));
  }
  return codes;
}

Result<Codes> activation_codes_of(const OpContext& ctx, const Operand& operand, std::string_view what) {
  Result<Codes> codes = codes_of(ctx, operand, what);
  if (codes.ok() && codes->dtype != dtype_of(ctx.backend.activation)) {
    return ctx.error(fmt::format("{} is {}: backend {} computes on {} codes", what, name_of(codes->dtype),
                                 ctx.backend.name, name_of(dtype_of(ctx.backend.activation))));
  }
  return codes;
}

Result<std::int64_t> count_of(const OpContext& ctx, const Operand& operand, std::string_view what) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;
  std::int64_t count = 1;
  for (const std::int64_t dim : operand.shape) {
    if (dim < 0 || dim > kMost || (dim != 0 && count > kMost / dim)) {
      return ctx.error(fmt::format("{} has shape {}: sizes must be known and their product at most 2^40", what,
                                   to_string(operand.shape)));
    }
    count *= dim;
  }
  return count;
}

Result<int> axis_of(const OpContext& ctx, std::int64_t axis, int rank) {
  if (axis < -rank || axis >= rank) {
    return ctx.error(fmt::format("axis {}: must be one of {} axes", axis, rank));
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

}  // namespace octet::kernels
