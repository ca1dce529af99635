// SPDX-License-Identifier: Apache-2.0
// Watches the values of one tensor (or of one channel) go by and keeps what is needed to choose its range:
// fixed memory, however many samples come. An observer is one file in observers/ and one line in
// observers.def.
#pragma once

#include <octet/observer.h>
#include <octet/status.h>

#include <memory>
#include <span>
#include <vector>

#include "graph/quantize/qparams.h"
#include "graph/quantize/state.h"

namespace octet::graph {

class Observer {
 public:
  virtual ~Observer() = default;
  // All values of one batch. Callers refuse NaN first; an infinite value says nothing about the
  // range in which it saturates and is passed over.
  virtual void observe(std::span<const float> values) = 0;
  // Afterwards as if this one had also seen what `other` saw, which was made from the same spec. Only for the
  // kinds that check_mergeable() admits.
  virtual void merge(const Observer& other) = 0;
  // What codes of `spec` shall cover; empty if nothing was observed.
  virtual Range range(const QuantSpec& spec) const = 0;
  // The share of the values seen that lies outside `range`.
  virtual double clipped_share(Range range) const = 0;
  // The share of the values in each of `parts` equal parts of what was seen; empty if nothing is counted.
  virtual std::vector<double> shares(int /*parts*/) const { return {}; }
  virtual void save(StateWriter& writer) const = 0;
  virtual bool load(StateReader& reader) = 0;  // false, and nothing changed, if what is read is no such state
};

// Refuses settings out of range.
Status check_observer(const ObserverSpec& spec);
bool is_per_channel(ObserverKind kind) noexcept;
// Refuses the kinds whose range depends on the order of batches.
Status check_mergeable(ObserverKind kind);
// For one tensor, or one channel of a per-channel kind. `spec` was checked.
std::unique_ptr<Observer> make_observer(const ObserverSpec& spec);

}  // namespace octet::graph
