// SPDX-License-Identifier: Apache-2.0
// The ends of what one tensor was seen to hold, and which sample they came from: an outlier can then be
// looked at. Of several samples with the same value the lowest number counts, so that order does not.
#pragma once

#include <cstdint>
#include <span>

#include "graph/quantize/qparams.h"
#include "graph/quantize/state.h"

namespace octet::graph {

struct Extremes {
  Range seen;
  std::int64_t min_sample = -1, max_sample = -1;  // -1: nothing seen

  // `values` of `samples` samples, numbered from `first`, one after another.
  void observe(std::span<const float> values, std::int64_t first, std::int64_t samples);
  void merge(const Extremes& other);
  void save(StateWriter& writer) const;
  bool load(StateReader& reader);
};

}  // namespace octet::graph
