// SPDX-License-Identifier: Apache-2.0
// Covers a given percentage of the values: affine codes leave out half of the rest at either end, symmetric
// ones the values farthest from 0. Ends are edges of bins, never outside of what was seen.
#include <algorithm>

#include "graph/quantize/counting_observer.h"

namespace octet::graph {

std::unique_ptr<Observer> make_percentile_observer(const ObserverSpec& spec);

namespace {

class PercentileObserver final : public CountingObserver {
 public:
  explicit PercentileObserver(const ObserverSpec& spec)
      : CountingObserver(spec), left_out_(1 - spec.percentile / 100) {}

  Range range(const QuantSpec& spec) const override {
    if (counts().total() == 0) return {};
    const Range seen = counts().seen();
    const double rest = left_out_ * static_cast<double>(counts().total());
    if (spec.scheme == Scheme::symmetric) {
      const std::vector<std::uint64_t> folded = counts().folded();
      const auto end =
          static_cast<float>(counts().width() * static_cast<double>(folded.size() - skip_back(folded, rest)));
      return {std::max(seen.min, -end), std::min(seen.max, end)};
    }
    std::size_t first = 0;
    double skipped = 0;
    const auto bins = counts().counts();
    while (skipped + static_cast<double>(bins[first]) <= rest / 2) skipped += static_cast<double>(bins[first++]);
    const std::size_t end = bins.size() - skip_back(bins, rest / 2);
    return {std::max(seen.min, static_cast<float>(counts().lower_edge(first))),
            std::min(seen.max, static_cast<float>(counts().lower_edge(end)))};
  }

 private:
  // How many bins at the end hold at most `count` values together; never all of them, as `count` is less
  // than half of the values.
  static std::size_t skip_back(std::span<const std::uint64_t> bins, double count) {
    std::size_t skipped = 0;
    double values = 0;
    while (values + static_cast<double>(bins[bins.size() - 1 - skipped]) <= count) {
      values += static_cast<double>(bins[bins.size() - 1 - skipped++]);
    }
    return skipped;
  }

  double left_out_;
};

}  // namespace

std::unique_ptr<Observer> make_percentile_observer(const ObserverSpec& spec) {
  return std::make_unique<PercentileObserver>(spec);
}

}  // namespace octet::graph
