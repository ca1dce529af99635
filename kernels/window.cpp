// SPDX-License-Identifier: Apache-2.0
#include "kernels/window.h"

#include <algorithm>

namespace octet::kernels {

std::optional<std::vector<Overlap>> overlaps(const WindowAxis& axis) {
  constexpr std::int64_t kMost = std::int64_t{1} << 31;  // products of two such numbers fit 64 bits
  const auto within = [](std::int64_t value, std::int64_t least) { return value >= least && value <= kMost; };
  if (!within(axis.in, 1) || !within(axis.out, 1) || !within(axis.kernel, 1) || !within(axis.stride, 1) ||
      !within(axis.dilation, 1) || !within(axis.pad_begin, 0) || !within(axis.pad_end, 0)) {
    return std::nullopt;
  }
  if ((axis.out - 1) * axis.stride - axis.pad_begin > axis.in + axis.pad_end) return std::nullopt;

  std::vector<Overlap> result;
  result.reserve(static_cast<std::size_t>(axis.out));
  for (std::int64_t o = 0; o < axis.out; ++o) {
    const std::int64_t start = o * axis.stride - axis.pad_begin;
    // Taps k with start + k*dilation < end.
    const auto taps_before = [&](std::int64_t end) {
      return end <= start ? 0 : std::min(axis.kernel, (end - start + axis.dilation - 1) / axis.dilation);
    };
    const std::int64_t outside = taps_before(0);
    result.push_back({.first = start + outside * axis.dilation,
                      .taps = taps_before(axis.in) - outside,
                      .counted = taps_before(axis.in + axis.pad_end)});
  }
  return result;
}

}  // namespace octet::kernels
