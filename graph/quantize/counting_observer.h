// SPDX-License-Identifier: Apache-2.0
// What percentile, entropy and mse share: all of them choose their range from counts alone.
#pragma once

#include "graph/quantize/count_histogram.h"
#include "graph/quantize/observer.h"

namespace octet::graph {

class CountingObserver : public Observer {
 public:
  explicit CountingObserver(const ObserverSpec& spec) : counts_(spec.bins) {}
  void observe(std::span<const float> values) final { counts_.observe(values); }
  void merge(const Observer& other) final { counts_.merge(static_cast<const CountingObserver&>(other).counts_); }
  double clipped_share(Range range) const final { return counts_.share_outside(range); }
  std::vector<double> shares(int parts) const final { return counts_.shares(parts); }
  void save(StateWriter& writer) const final { counts_.save(writer); }
  bool load(StateReader& reader) final { return counts_.load(reader); }

 protected:
  const CountHistogram& counts() const noexcept { return counts_; }

 private:
  CountHistogram counts_;
};

}  // namespace octet::graph
