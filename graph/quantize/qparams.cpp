// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/qparams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graph/quantize/codes.h"

namespace octet {

CodeBounds QuantSpec::bounds() const noexcept {
  if (!reduce_range || quant_max - quant_min != 255) return {quant_min, quant_max};
  return {quant_min >> 1, quant_max >> 1};  // floor: -128..127 becomes -64..63
}

Result<Quant> choose_qparams(Range range, const QuantSpec& spec) {
  if (Status status = graph::check_spec(spec); !status.ok()) return status;
  if (range.empty()) return Status::error("no value was observed: show it at least one sample");
  const CodeBounds bounds = spec.bounds();
  const float min = std::min(range.min, 0.0F);
  const float max = std::max(range.max, 0.0F);
  const bool symmetric = spec.scheme == Scheme::symmetric;
  const float steps = symmetric ? graph::symmetric_steps(spec) : static_cast<float>(bounds.max - bounds.min);
  const float wanted = (symmetric ? std::max(-min, max) : max - min) / steps;
  if (!std::isfinite(wanted)) {
    return Status::error(fmt::format("range [{}, {}]: must be finite and narrower than the largest float", min, max));
  }
  if (spec.rule == ScaleRule::fused) return graph::choose_fused_qparams(range, spec);
  const float scale = std::max(wanted, spec.eps);
  if (symmetric) return Quant{{scale}, {graph::middle_code(spec)}, -1};
  const auto lowest = static_cast<float>(bounds.min), highest = static_cast<float>(bounds.max);
  const float zero_point = std::clamp(lowest - std::nearbyint(min / scale), lowest, highest);
  return Quant{{scale}, {static_cast<std::int32_t>(zero_point)}, -1};
}

Result<Quant> choose_qparams(std::span<const Range> channels, int axis, const QuantSpec& spec) {
  if (axis < 0) return Status::error(fmt::format("axis {}: must be at least 0", axis));
  Quant all{{}, {}, axis};
  for (std::size_t c = 0; c < channels.size(); ++c) {
    Result<Quant> one = choose_qparams(channels[c], spec);
    if (!one.ok()) return Status::error(fmt::format("channel {}: {}", c, one.status().message()));
    all.scale.push_back(one->scale[0]);
    all.zero_point.push_back(one->zero_point[0]);
  }
  return all;
}

}  // namespace octet

namespace octet::graph {

std::int32_t middle_code(const QuantSpec& spec) {
  const auto [min, max] = spec.bounds();
  if (spec.dtype == DType::s8) return std::clamp(0, min, max);
  // All 256 codes: 128, so that u8 and s8 are relabellings of each other. Fewer: the lower middle.
  return min == 0 && max == 255 ? 128 : (min + max) / 2;
}

float symmetric_steps(const QuantSpec& spec) {
  const CodeBounds bounds = spec.bounds();
  if (spec.rule != ScaleRule::exact) return static_cast<float>(bounds.max - bounds.min) / 2.0F;
  const std::int32_t middle = middle_code(spec), above = bounds.max - middle, below = middle - bounds.min;
  // Custom bounds may leave codes on one side only; then that side has to do.
  return static_cast<float>(std::min(above, below) > 0 ? std::min(above, below) : std::max(above, below));
}

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

Quant fixed_qparams(float lo, float hi, const QuantSpec& spec) {
  const float scale = (hi - lo) / static_cast<float>(spec.quant_max - spec.quant_min + 1);
  return {{scale}, {spec.quant_min - static_cast<std::int32_t>(std::nearbyint(lo / scale))}, -1};
}

}  // namespace octet::graph
