// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/qparams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graph/quantize/codes.h"

namespace octet::graph {
namespace {

std::int32_t middle_code(const QuantSpec& spec) {
  if (spec.dtype == DType::s8) return std::clamp(0, spec.quant_min, spec.quant_max);
  // All 256 codes: 128, so that u8 and s8 are relabellings of each other. Fewer: the lower middle.
  if (spec.quant_min == 0 && spec.quant_max == 255) return 128;
  return (spec.quant_min + spec.quant_max) / 2;
}

Quant per_tensor(float scale, std::int32_t zero_point) { return {{scale}, {zero_point}, -1}; }

}  // namespace

Status check_spec(const QuantSpec& spec) {
  if (spec.dtype != DType::u8 && spec.dtype != DType::s8) {
    return Status::error(fmt::format("code type {}: must be u8 or s8", name_of(spec.dtype)));
  }
  const CodeBounds all = bounds_of(spec.dtype);
  if (spec.quant_min < all.min || spec.quant_max > all.max || spec.quant_min >= spec.quant_max) {
    return Status::error(fmt::format("codes {} to {}: {} has codes {} to {}, and at least two are needed",
                                     spec.quant_min, spec.quant_max, name_of(spec.dtype), all.min, all.max));
  }
  if (!(spec.eps > 0) || !std::isfinite(spec.eps)) {
    return Status::error(fmt::format("smallest scale {}: must be a positive number", spec.eps));
  }
  return {};
}

Result<Quant> choose_qparams(Range range, const QuantSpec& spec) {
  if (Status status = check_spec(spec); !status.ok()) return status;
  if (range.empty()) return Status::error("no value was observed: show it at least one sample");
  const float min = std::min(range.min, 0.0F);
  const float max = std::max(range.max, 0.0F);
  const bool symmetric = spec.scheme == Scheme::symmetric;
  const auto codes = static_cast<float>(spec.quant_max - spec.quant_min);
  const float wanted = symmetric ? std::max(-min, max) / (codes / 2.0F) : (max - min) / codes;
  if (!std::isfinite(wanted)) {
    return Status::error(fmt::format("range [{}, {}]: must be finite and narrower than the largest float", min, max));
  }
  const float scale = std::max(wanted, spec.eps);
  if (symmetric) return per_tensor(scale, middle_code(spec));
  // -min/scale is at most about quant_max - quant_min, except where eps has raised the scale: then less.
  const float zero_point = static_cast<float>(spec.quant_min) - std::nearbyint(min / scale);
  return per_tensor(scale, static_cast<std::int32_t>(std::clamp(zero_point, static_cast<float>(spec.quant_min),
                                                                static_cast<float>(spec.quant_max))));
}

Quant fixed_qparams(float lo, float hi, const QuantSpec& spec) {
  const float scale = (hi - lo) / static_cast<float>(spec.quant_max - spec.quant_min + 1);
  return per_tensor(scale, spec.quant_min - static_cast<std::int32_t>(std::nearbyint(lo / scale)));
}

}  // namespace octet::graph
