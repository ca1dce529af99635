// SPDX-License-Identifier: Apache-2.0
#include "tools/statistics.h"

#include <algorithm>
#include <cmath>

namespace octet::tools {
namespace {

double median_of_sorted(const std::vector<double>& values) {
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

}  // namespace

Latency summarize(std::vector<double> times_ms) {
  std::ranges::sort(times_ms);
  const auto p90 = static_cast<std::size_t>(std::ceil(0.9 * static_cast<double>(times_ms.size()))) - 1;
  return {median_of_sorted(times_ms), times_ms.front(), times_ms[p90]};
}

double median_ratio(std::span<const double> above, std::span<const double> below) {
  std::vector<double> ratios;
  for (std::size_t i = 0; i < std::min(above.size(), below.size()); ++i) ratios.push_back(above[i] / below[i]);
  std::ranges::sort(ratios);
  return median_of_sorted(ratios);
}

}  // namespace octet::tools
