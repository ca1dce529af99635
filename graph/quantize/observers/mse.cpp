// SPDX-License-Identifier: Apache-2.0
// The range whose codes are nearest to the values in the mean of squares: what is lost by clipping against
// what is gained in resolution, for the very codes that will be used.
#include <algorithm>
#include <cmath>

#include "graph/quantize/counting_observer.h"

namespace octet::graph {

std::unique_ptr<Observer> make_mse_observer(const ObserverSpec& spec);

namespace {

// Squared error of any range in the time of one pass over the codes. A value counts as the middle of its bin.
class CodeError {
 public:
  CodeError(const CountHistogram& counts, const QuantSpec& spec) : counts_(counts), spec_(spec) {
    const auto bins = counts.counts();
    sums_.resize(bins.size() + 1);
    for (std::size_t i = 0; i < bins.size(); ++i) {
      const auto count = static_cast<double>(bins[i]);
      const double middle = counts.lower_edge(i) + counts.width() / 2;
      sums_[i + 1] = {sums_[i].count + count, sums_[i].first + count * middle,
                      sums_[i].second + count * middle * middle};
    }
  }

  double of(Range range) const {
    const Result<Quant> quant = choose_qparams(range, spec_);
    if (!quant.ok()) return std::numeric_limits<double>::infinity();
    const auto scale = static_cast<double>(quant->scale[0]);
    const CodeBounds codes = spec_.bounds();
    double error = 0;
    std::size_t begin = 0;
    for (std::int32_t code = codes.min; code <= codes.max; ++code) {
      const double real = scale * (code - quant->zero_point[0]);
      const std::size_t end = code == codes.max ? sums_.size() - 1 : std::max(begin, first_above(real + scale / 2));
      const Moments& from = sums_[begin];
      const Moments& to = sums_[end];
      error += (to.second - from.second) - 2 * real * (to.first - from.first) + real * real * (to.count - from.count);
      begin = end;
    }
    return error;
  }

 private:
  struct Moments {
    double count = 0, first = 0, second = 0;
  };
  // The first bin whose middle is above x.
  std::size_t first_above(double x) const {
    const double bin = std::floor(x / counts_.width() + 0.5) - static_cast<double>(counts_.first());
    return static_cast<std::size_t>(std::clamp(bin, 0.0, static_cast<double>(sums_.size() - 1)));
  }

  const CountHistogram& counts_;
  const QuantSpec& spec_;
  std::vector<Moments> sums_;  // (bins + 1) over the bins before
};

class MseObserver final : public CountingObserver {
 public:
  using CountingObserver::CountingObserver;

  // Draws in one end at a time as long as that helps; the widest of equals.
  Range range(const QuantSpec& spec) const override {
    if (counts().total() == 0) return {};
    constexpr int kSteps = 128, kMostRounds = 16;
    const CodeError error(counts(), spec);
    Range best = counts().seen();
    best.include({0, 0});
    double least = error.of(best);
    for (int round = 0; round < kMostRounds; ++round) {
      const Range start = best;
      const auto scan = [&](bool low, bool high) {
        const Range from = best;
        for (int step = kSteps - 1; step > 0; --step) {
          const float factor = static_cast<float>(step) / kSteps;
          const Range tried{low ? from.min * factor : from.min, high ? from.max * factor : from.max};
          const double found = error.of(tried);
          if (found >= least) continue;
          least = found;
          best = tried;
        }
      };
      if (spec.scheme == Scheme::symmetric) {
        scan(true, true);
      } else {
        scan(false, true);
        scan(true, false);
      }
      if (best == start) break;
    }
    const Range seen = counts().seen();
    return {std::max(best.min, seen.min), std::min(best.max, seen.max)};
  }
};

}  // namespace

std::unique_ptr<Observer> make_mse_observer(const ObserverSpec& spec) { return std::make_unique<MseObserver>(spec); }

}  // namespace octet::graph
