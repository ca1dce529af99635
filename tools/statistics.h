// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace octet::tools {

struct Latency {
  double median_ms, min_ms, p90_ms;
};

// Of at least one time. The 90th percentile is the smallest time that at least 90% do not exceed.
Latency summarize(std::vector<double> times_ms);
// The median of above[i] / below[i], at least one of them: what drifts between one i and the next cancels.
double median_ratio(std::span<const double> above, std::span<const double> below);

}  // namespace octet::tools
