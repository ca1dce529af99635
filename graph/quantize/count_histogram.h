// SPDX-License-Identifier: Apache-2.0
// How often values fell where: bins of width 2^e, bin k holding [k 2^e, (k+1) 2^e). The exponent is a
// function of the smallest and largest value alone, and a wider range joins whole pairs of bins, so the
// state is a function of the multiset of values: any order and any split into parts gives the same bytes.
//
//   e, values in [0, 1.9]      | 3 | 0 | 2 | 7 |                 k = 0..3
//   e+1, after 3.1 was seen    |   3   |   9   |   0   |   1   |  k = 0..3
#pragma once

#include <octet/qparams.h>
#include <octet/status.h>

#include <cstdint>
#include <span>
#include <vector>

#include "graph/quantize/state.h"

namespace octet::graph {

class CountHistogram {
 public:
  // Keeps between `bins` and 2 * bins bins, fewer only where floats lie no denser.
  explicit CountHistogram(int bins) : most_bins_(2 * std::int64_t{bins}) {}

  void observe(std::span<const float> values);  // infinite ones are passed over
  void merge(const CountHistogram& other);

  const Range& seen() const noexcept { return seen_; }
  std::uint64_t total() const noexcept { return total_; }
  double width() const noexcept;                          // of a bin
  std::int64_t first() const noexcept { return first_; }  // k of counts()[0]
  // From the bin of seen().min to that of seen().max, and all between these and 0.
  std::span<const std::uint64_t> counts() const noexcept { return counts_; }
  double lower_edge(std::size_t bin) const noexcept {
    return width() * static_cast<double>(first_ + static_cast<std::int64_t>(bin));
  }

  // By distance from 0: entry k counts values with |x| in [k 2^e, (k+1) 2^e].
  std::vector<std::uint64_t> folded() const;
  // The share of values in bins that lie outside `range` altogether.
  double share_outside(Range range) const;

  // By the middle of each bin, in `parts` equal parts of seen().
  std::vector<double> shares(int parts) const;

  void save(StateWriter& writer) const;
  bool load(StateReader& reader);  // false, and nothing changed, if what is read is no such state

 private:
  void cover(const Range& range);  // at least that, and what was seen before

  std::int64_t most_bins_;
  Range seen_;
  int exponent_ = 0;
  std::int64_t first_ = 0;
  std::uint64_t total_ = 0;
  std::vector<std::uint64_t> counts_;
};

}  // namespace octet::graph
