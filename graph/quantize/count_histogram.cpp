// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/count_histogram.h"

#include <algorithm>
#include <cmath>

namespace octet::graph {
namespace {

constexpr int kLeastExponent = -149;  // every float is a multiple of 2^-149
constexpr int kPrecision = 24;        // bits of a float: finer bins could not be told apart

std::int64_t bin_of(float x, int exponent) {
  return static_cast<std::int64_t>(std::floor(std::ldexp(static_cast<double>(x), -exponent)));
}

// The smallest for which `range` takes at most most_bins. Never falls as the range grows.
int exponent_for(const Range& range, std::int64_t most_bins) {
  const float largest = std::max(std::abs(range.min), std::abs(range.max));
  int exponent = kLeastExponent;
  if (largest > 0) exponent = std::max(exponent, std::ilogb(largest) - kPrecision + 1);
  while (bin_of(range.max, exponent) - bin_of(range.min, exponent) >= most_bins) ++exponent;
  return exponent;
}

Range range_of(std::span<const float> values) {
  Range range;
  for (float x : values) {
    if (std::isfinite(x)) range.include({x + 0.0F, x + 0.0F});  // -0 as +0: the state must not tell which came first
  }
  return range;
}

}  // namespace

double CountHistogram::width() const noexcept { return std::ldexp(1.0, exponent_); }

void CountHistogram::cover(const Range& range) {
  Range wider = seen_;
  wider.include(range);
  if (wider == seen_) return;
  // Codes hold 0 in any case, so bins finer than needed from there on would only cost memory.
  Range held = wider;
  held.include({0, 0});
  const int exponent = exponent_for(held, most_bins_);
  const std::int64_t first = bin_of(held.min, exponent);
  std::vector<std::uint64_t> counts(static_cast<std::size_t>(bin_of(held.max, exponent) - first + 1));
  if (!counts_.empty()) {
    const int halvings = std::min(exponent - exponent_, 62);
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      const std::int64_t bin = (first_ + static_cast<std::int64_t>(i)) >> halvings;
      counts[static_cast<std::size_t>(bin - first)] += counts_[i];
    }
  }
  seen_ = wider;
  exponent_ = exponent;
  first_ = first;
  counts_ = std::move(counts);
}

void CountHistogram::observe(std::span<const float> values) {
  const Range range = range_of(values);
  if (range.empty()) return;
  cover(range);
  const double per_bin = std::ldexp(1.0, -exponent_);
  const auto first = static_cast<std::int32_t>(first_);  // below 2^24 by the choice of the exponent
  for (float x : values) {
    if (!std::isfinite(x)) continue;
    const double position = static_cast<double>(x) * per_bin;  // exact
    auto bin = static_cast<std::int32_t>(position);            // towards 0; floor is a call without SSE4.1
    bin -= static_cast<double>(bin) > position ? 1 : 0;
    ++counts_[static_cast<std::size_t>(bin - first)];
    ++total_;
  }
}

void CountHistogram::merge(const CountHistogram& other) {
  if (other.counts_.empty()) return;
  cover(other.seen_);
  const int halvings = std::min(exponent_ - other.exponent_, 62);
  for (std::size_t i = 0; i < other.counts_.size(); ++i) {
    const std::int64_t bin = (other.first_ + static_cast<std::int64_t>(i)) >> halvings;
    counts_[static_cast<std::size_t>(bin - first_)] += other.counts_[i];
  }
  total_ += other.total_;
}

std::vector<std::uint64_t> CountHistogram::folded() const {
  std::vector<std::uint64_t> folded;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const std::int64_t bin = first_ + static_cast<std::int64_t>(i);
    const auto distance = static_cast<std::size_t>(bin >= 0 ? bin : -bin - 1);
    if (distance >= folded.size()) folded.resize(distance + 1);
    folded[distance] += counts_[i];
  }
  return folded;
}

double CountHistogram::share_outside(Range range) const {
  if (total_ == 0) return 0;
  std::uint64_t outside = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const bool below = lower_edge(i + 1) <= static_cast<double>(range.min);
    const bool above = lower_edge(i) >= static_cast<double>(range.max) && seen_.max > range.max;
    if (below || above) outside += counts_[i];
  }
  return static_cast<double>(outside) / static_cast<double>(total_);
}

std::vector<double> CountHistogram::shares(int parts) const {
  if (total_ == 0) return {};
  std::vector<double> shares(static_cast<std::size_t>(parts));
  const double low = static_cast<double>(seen_.min), step = (static_cast<double>(seen_.max) - low) / parts;
  for (std::size_t i = 0; i < counts_.size(); ++i) {
    const double middle = lower_edge(i) + width() / 2;
    const double part = step > 0 ? std::clamp(std::floor((middle - low) / step), 0.0, parts - 1.0) : 0.0;
    shares[static_cast<std::size_t>(part)] += static_cast<double>(counts_[i]) / static_cast<double>(total_);
  }
  return shares;
}

void CountHistogram::save(StateWriter& writer) const {
  writer.number(total_);
  if (total_ == 0) return;
  writer.real(seen_.min);
  writer.real(seen_.max);
  for (std::uint64_t count : counts_) writer.number(count);
}

bool CountHistogram::load(StateReader& reader) {
  CountHistogram read(static_cast<int>(most_bins_ / 2));
  const std::uint64_t total = reader.number();
  if (total > 0) {
    const Range range{reader.real(), reader.real()};
    if (!reader.ok() || !std::isfinite(range.min) || !std::isfinite(range.max) || range.empty()) return false;
    read.cover(range);  // exponent and first follow from it
    for (std::uint64_t& count : read.counts_) {
      count = reader.number();
      if (count > total - read.total_) return false;
      read.total_ += count;
    }
  }
  if (!reader.ok() || read.total_ != total) return false;
  *this = std::move(read);
  return true;
}

}  // namespace octet::graph
