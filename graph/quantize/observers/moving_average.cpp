// SPDX-License-Identifier: Apache-2.0
// Minimum and maximum of each batch, averaged exponentially: one odd batch moves the range by a hundredth
// of the way. The first batch weighs as much as all that came before: show typical ones first.
#include <cmath>

#include "graph/quantize/count_histogram.h"
#include "graph/quantize/observer.h"

namespace octet::graph {

std::unique_ptr<Observer> make_moving_average_observer(const ObserverSpec& spec);

namespace {

class MovingAverageObserver final : public Observer {
 public:
  explicit MovingAverageObserver(const ObserverSpec& spec) : constant_(spec.averaging_constant), counts_(spec.bins) {}

  void observe(std::span<const float> values) override {
    Range batch;
    for (float x : values) {
      if (std::isfinite(x)) batch.include({x, x});
    }
    if (batch.empty()) return;
    if (average_.empty()) {
      average_ = batch;
    } else {
      average_.min += constant_ * (batch.min - average_.min);
      average_.max += constant_ * (batch.max - average_.max);
    }
    counts_.observe(values);
  }

  void merge(const Observer&) override {}  // never called: the list says that it cannot
  Range range(const QuantSpec&) const override { return average_; }
  double clipped_share(Range range) const override { return counts_.share_outside(range); }

  void save(StateWriter& writer) const override {
    writer.real(average_.min);
    writer.real(average_.max);
    counts_.save(writer);
  }

  bool load(StateReader& reader) override {
    const Range average{reader.real(), reader.real()};
    if (!counts_.load(reader)) return false;
    const bool numbers = std::isfinite(average.min) && std::isfinite(average.max) && average.min <= average.max;
    if (counts_.total() > 0 ? !numbers : average != Range{}) return false;
    average_ = average;
    return true;
  }

 private:
  float constant_;
  Range average_;
  CountHistogram counts_;  // for clipped_share() alone
};

}  // namespace

std::unique_ptr<Observer> make_moving_average_observer(const ObserverSpec& spec) {
  return std::make_unique<MovingAverageObserver>(spec);
}

}  // namespace octet::graph
