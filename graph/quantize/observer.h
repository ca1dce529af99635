// SPDX-License-Identifier: Apache-2.0
// Watches the values of one tensor go by and keeps what is needed to choose its range: fixed
// memory, however many samples come. An observer is one file in observers/ and one line in
// observers.def.
#pragma once

#include <octet/quantize.h>
#include <octet/status.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "graph/quantize/qparams.h"

namespace octet::graph {

class Observer {
 public:
  virtual ~Observer() = default;
  virtual ObserverKind kind() const noexcept = 0;
  // All values of one batch. Callers refuse NaN first; an infinite value says nothing about the
  // range in which it saturates and is passed over.
  virtual void observe(std::span<const float> values) = 0;
  // Afterwards as if this one had also seen what `other` saw. Refused between different kinds.
  virtual Status merge(const Observer& other) = 0;
  // What the codes shall cover; empty if nothing was observed.
  virtual Range range() const = 0;
};

std::unique_ptr<Observer> make_observer(ObserverKind kind);
const char* name_of(ObserverKind kind) noexcept;
// "min-max" -> ObserverKind::min_max; an unknown name is an error that lists the known ones.
Result<ObserverKind> find_observer(std::string_view name);

}  // namespace octet::graph
