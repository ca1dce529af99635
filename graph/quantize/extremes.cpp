// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/extremes.h"

#include <algorithm>
#include <cmath>

namespace octet::graph {

void Extremes::merge(const Extremes& other) {
  if (other.seen.empty()) return;
  if (seen.empty()) {
    *this = other;
    return;
  }
  if (other.seen.min == seen.min) min_sample = std::min(min_sample, other.min_sample);
  if (other.seen.max == seen.max) max_sample = std::min(max_sample, other.max_sample);
  if (other.seen.min < seen.min) min_sample = other.min_sample;
  if (other.seen.max > seen.max) max_sample = other.max_sample;
  seen.include(other.seen);
}

void Extremes::observe(std::span<const float> values, std::int64_t first, std::int64_t samples) {
  const std::size_t size = values.size() / static_cast<std::size_t>(std::max<std::int64_t>(samples, 1));
  if (size == 0) return;
  for (std::int64_t sample = first; values.size() >= size; ++sample, values = values.subspan(size)) {
    Extremes one{{}, sample, sample};
    for (float x : values.first(size)) {
      if (std::isfinite(x)) one.seen.include({x + 0.0F, x + 0.0F});  // -0 as +0
    }
    merge(one);
  }
}

void Extremes::save(StateWriter& writer) const {
  writer.real(seen.min);
  writer.real(seen.max);
  writer.integer(min_sample);
  writer.integer(max_sample);
}

bool Extremes::load(StateReader& reader) {
  const Range range{reader.real(), reader.real()};
  const std::int64_t low = reader.integer(), high = reader.integer();
  const bool numbers = std::isfinite(range.min) && std::isfinite(range.max) && range.min <= range.max;
  if (!reader.ok() || (!numbers && range != Range{})) return false;
  *this = {range, low, high};
  return true;
}

}  // namespace octet::graph
