// SPDX-License-Identifier: Apache-2.0
#include "kernels/op.h"

#include <fmt/format.h>

#include <algorithm>

namespace octet::kernels {
namespace {

// One unit of cost is about one fp32 multiply-accumulate or one int8 byte of work. Waking a thread
// pays from roughly 20 us of work on; below that, one slice.
constexpr double kWorthWaking = 100e3;
// No slice smaller than this, or handing it out costs more than it carries.
constexpr double kSmallestSlice = 25e3;
// From here on, several slices per thread even out cores of different speed.
constexpr double kWorthBalancing = 10 * kWorthWaking;

}  // namespace

Status OpContext::error(std::string_view rule) const { return Status::error(fmt::format("node '{}': {}", name, rule)); }

int slices_for(std::int64_t total, double cost_each, int threads) {
  const double work = static_cast<double>(total) * cost_each;
  if (threads <= 1 || total <= 1 || !(work >= kWorthWaking)) return 1;
  const double wanted = work > kWorthBalancing ? 4.0 * threads : threads;
  const double most = std::min({wanted, work / kSmallestSlice, static_cast<double>(total)});
  return static_cast<int>(most);
}

}  // namespace octet::kernels
