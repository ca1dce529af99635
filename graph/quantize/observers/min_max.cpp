// SPDX-License-Identifier: Apache-2.0
// The smallest and largest value ever seen. Clips nothing; one outlier costs resolution everywhere.
#include <cmath>

#include "graph/quantize/observer.h"

namespace octet::graph {

std::unique_ptr<Observer> make_min_max_observer();

namespace {

class MinMaxObserver final : public Observer {
 public:
  ObserverKind kind() const noexcept override { return ObserverKind::min_max; }

  void observe(std::span<const float> values) override {
    for (float value : values) {
      if (std::isfinite(value)) seen_.include({value, value});
    }
  }

  Status merge(const Observer& other) override {
    if (other.kind() != kind()) return Status::error("min-max observer: merges only with its own kind");
    seen_.include(other.range());
    return {};
  }

  Range range() const override { return seen_; }

 private:
  Range seen_;
};

}  // namespace

std::unique_ptr<Observer> make_min_max_observer() { return std::make_unique<MinMaxObserver>(); }

}  // namespace octet::graph
