// SPDX-License-Identifier: Apache-2.0
// The smallest and largest value ever seen. Clips nothing; one outlier costs resolution everywhere.
#include <cmath>

#include "graph/quantize/observer.h"

namespace octet::graph {

std::unique_ptr<Observer> make_min_max_observer(const ObserverSpec& spec);

namespace {

class MinMaxObserver final : public Observer {
 public:
  void observe(std::span<const float> values) override {
    for (float x : values) {
      if (std::isfinite(x)) seen_.include({x + 0.0F, x + 0.0F});  // -0 as +0: order must not show
    }
  }

  void merge(const Observer& other) override { seen_.include(static_cast<const MinMaxObserver&>(other).seen_); }

  Range range(const QuantSpec&) const override { return seen_; }
  double clipped_share(Range) const override { return 0; }  // its own range holds everything

  void save(StateWriter& writer) const override {
    writer.real(seen_.min);
    writer.real(seen_.max);
  }

  bool load(StateReader& reader) override {
    const Range read{reader.real(), reader.real()};
    const bool numbers = std::isfinite(read.min) && std::isfinite(read.max) && read.min <= read.max;
    if (!reader.ok() || (!numbers && read != Range{})) return false;
    seen_ = read;
    return true;
  }

 private:
  Range seen_;
};

}  // namespace

std::unique_ptr<Observer> make_min_max_observer(const ObserverSpec&) { return std::make_unique<MinMaxObserver>(); }

}  // namespace octet::graph
