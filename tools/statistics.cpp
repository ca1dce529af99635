// SPDX-License-Identifier: Apache-2.0
#include "tools/statistics.h"

#include <algorithm>
#include <cmath>

namespace octet::tools {

Latency summarize(std::vector<double> times_ms) {
  std::ranges::sort(times_ms);
  const std::size_t n = times_ms.size();
  const double median = n % 2 == 1 ? times_ms[n / 2] : (times_ms[n / 2 - 1] + times_ms[n / 2]) / 2;
  const auto p90 = static_cast<std::size_t>(std::ceil(0.9 * static_cast<double>(n))) - 1;
  return {median, times_ms.front(), times_ms[p90]};
}

}  // namespace octet::tools
