// SPDX-License-Identifier: Apache-2.0
// The range that PyTorch's HistogramObserver chooses: bins over everything seen, and a search that gives up
// outer bins, a quantile step at a time from whichever side has more of them, until a model of the squared
// error rises. Bins keep the float bounds of the data; PyTorch 1.13 cuts them to integers and drops what lies
// outside, which is a defect and not reproduced.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "graph/quantize/observer.h"

namespace octet::graph {

std::unique_ptr<Observer> make_histogram_observer(const ObserverSpec& spec);

namespace {

constexpr int kFine = 128;  // parts of a bin in which bins of another width are counted

// Squared error of 256 codes over bins [first, last], up to a factor that is the same for all choices.
// Values are taken to be spread evenly within a bin.
double error_of(std::span<const double> bins, double width, std::size_t first, std::size_t last) {
  constexpr int kCodes = 256;
  const double step = width * static_cast<double>(last - first + 1) / kCodes;
  if (step == 0) return 0;
  const auto code_of = [step](double x) { return std::clamp(std::floor(x / step), 0.0, kCodes - 1.0); };
  const auto cube = [](double x) { return x * x * x; };
  const double half = cube(step / 2);
  double error = 0;
  for (std::size_t i = 0; i < bins.size(); ++i) {
    if (bins[i] == 0) continue;
    const double begin = (static_cast<double>(i) - static_cast<double>(first)) * width, end = begin + width;
    const double from = code_of(begin), to = code_of(end);
    const double at_begin = half - cube(begin - (from + 0.5) * step);
    const double at_end = cube(end - (to + 0.5) * step) + half;
    error += bins[i] / width * (at_begin + (to - from - 1) * 2 * half + at_end) / 3;
  }
  return error;
}

class HistogramObserver final : public Observer {
 public:
  explicit HistogramObserver(const ObserverSpec& spec) : bins_(static_cast<std::size_t>(spec.bins)) {}

  void observe(std::span<const float> values) override {
    Range batch;
    for (float x : values) {
      if (std::isfinite(x)) batch.include({x, x});
    }
    if (batch.empty()) return;
    if (range_.empty()) {
      range_ = batch;
    } else if (batch.min < range_.min || batch.max > range_.max) {
      grow(batch);
    }
    count(values);
  }

  void merge(const Observer&) override {}  // never called: the list says that it cannot

  Range range(const QuantSpec&) const override {
    if (range_.empty() || range_.min == range_.max || !std::isfinite(range_.max - range_.min)) return range_;
    const auto [first, last] = search();
    const float width = (range_.max - range_.min) / static_cast<float>(bins_.size());  // in float, as there
    return {range_.min + width * static_cast<float>(first), range_.min + width * static_cast<float>(last + 1)};
  }

  double clipped_share(Range range) const override {
    double outside = 0, total = 0;
    for (std::size_t i = 0; i < bins_.size(); ++i) {
      const double middle = range_.min + width() * (static_cast<double>(i) + 0.5);
      total += bins_[i];
      if (middle < static_cast<double>(range.min) || middle > static_cast<double>(range.max)) outside += bins_[i];
    }
    return total > 0 ? outside / total : 0;
  }

  void save(StateWriter& writer) const override {
    writer.real(range_.min);
    writer.real(range_.max);
    for (double bin : bins_) writer.number(static_cast<std::uint64_t>(bin * kFine));
  }

  bool load(StateReader& reader) override {
    const Range range{reader.real(), reader.real()};
    const bool numbers = std::isfinite(range.min) && std::isfinite(range.max) && range.min <= range.max;
    std::vector<double> bins(bins_.size());
    for (double& bin : bins) bin = static_cast<double>(reader.number()) / kFine;
    if (!reader.ok() || (!numbers && range != Range{})) return false;
    range_ = range;
    bins_ = std::move(bins);
    return true;
  }

 private:
  double width() const { return (static_cast<double>(range_.max) - range_.min) / static_cast<double>(bins_.size()); }

  void count(std::span<const float> values) {
    const float extent = range_.max - range_.min, per_extent = static_cast<float>(bins_.size());
    for (float x : values) {
      if (!std::isfinite(x)) continue;
      const float position = extent > 0 ? (x - range_.min) * per_extent / extent : 0;
      bins_[position < per_extent ? static_cast<std::size_t>(position) : bins_.size() - 1] += 1;
    }
  }

  // Moves the counts to bins over a wider range. Its upper end is pushed out a little further, so that a new bin is a
  // whole number of fine parts of an old one.
  void grow(const Range& batch) {
    const Range old = range_;
    range_.include(batch);
    const std::vector<double> counts = std::exchange(bins_, std::vector<double>(bins_.size()));
    const float extent = old.max - old.min, wanted = range_.max - range_.min;
    const float parts = std::ceil(wanted * kFine / extent);
    // An old range of next to nothing lies within one new bin.
    if (!(parts < 0x1p40F)) {
      const double at = (old.min - range_.min) / width();
      const auto bin = std::min(static_cast<std::size_t>(std::max(at, 0.0)), bins_.size() - 1);
      bins_[bin] = std::accumulate(counts.begin(), counts.end(), 0.0);
      return;
    }
    range_.max += parts * extent / kFine - wanted;
    const auto bins = static_cast<double>(bins_.size());
    const double start = std::nearbyint((old.min - range_.min) * static_cast<float>(bins_.size()) * kFine / extent);
    // before[i]: everything in the old bins below i
    std::vector<double> before(counts.size() + 1);
    std::partial_sum(counts.begin(), counts.end(), before.begin() + 1);
    // In fine parts from the new range's start: everything below, old bins being evenly filled.
    const auto below = [&](double part) {
      const double inside = std::clamp((part - start) / kFine, 0.0, bins);
      const auto bin = std::min(static_cast<std::size_t>(inside), counts.size() - 1);
      return before[bin] + counts[bin] * (inside - static_cast<double>(bin));
    };
    for (std::size_t i = 0; i < bins_.size(); ++i) {
      const double moved = below(static_cast<double>(i + 1) * parts) - below(static_cast<double>(i) * parts);
      bins_[i] = std::nearbyint(moved * kFine) / kFine;  // a sum of such parts already, up to double's rounding
    }
  }

  // The bins to keep, both ends included.
  std::pair<std::size_t, std::size_t> search() const {
    constexpr double kStep = 1e-5;
    const double total = std::accumulate(bins_.begin(), bins_.end(), 0.0);
    std::vector<double> upto(bins_.size());
    std::partial_sum(bins_.begin(), bins_.end(), upto.begin());
    double alpha = 0, beta = 1, best = std::numeric_limits<double>::infinity();
    std::size_t first = 0, last = bins_.size() - 1, left = first, right = last;
    while (alpha < beta) {
      left = std::clamp(left, first, last);  // quantiles only move inwards: go on where they were
      right = std::clamp(right, first, last);
      while (left < last && upto[left] < (alpha + kStep) * total) ++left;
      while (right > first && upto[right] > (beta - kStep) * total) --right;
      std::size_t next_first = first, next_last = last;
      if (left - first > last - right) {
        next_first = left;
        alpha += kStep;
      } else {
        next_last = right;
        beta -= kStep;
      }
      if (next_first == first && next_last == last) continue;
      const double error = error_of(bins_, width(), next_first, next_last);
      if (error > best) break;
      best = error;
      first = next_first;
      last = next_last;
    }
    return {first, last};
  }

  Range range_;               // of the bins
  std::vector<double> bins_;  // multiples of 1/kFine
};

}  // namespace

std::unique_ptr<Observer> make_histogram_observer(const ObserverSpec& spec) {
  return std::make_unique<HistogramObserver>(spec);
}

}  // namespace octet::graph
