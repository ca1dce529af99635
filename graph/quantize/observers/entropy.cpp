// SPDX-License-Identifier: Apache-2.0
// The distance from 0 at which to clip so that the codes' distribution tells least apart from the values'
// (Kullback-Leibler divergence), as TensorRT's calibrator does:
//
//   P = the bins up to the threshold, everything beyond added to the last one
//   Q = the same bins joined into as many groups as there are codes, each spread evenly over its filled bins
#include <algorithm>
#include <cmath>
#include <numeric>

#include "graph/quantize/counting_observer.h"

namespace octet::graph {

std::unique_ptr<Observer> make_entropy_observer(const ObserverSpec& spec);

namespace {

// D(P||Q) for the first `bins` entries of `h`. Q is mixed with a little of everything, so that a last bin filled
// from beyond alone costs much, but not everything.
double divergence(std::span<const double> h, std::size_t bins, std::size_t groups) {
  constexpr double kMix = 1e-4;
  const double inside = std::accumulate(h.begin(), h.begin() + static_cast<std::ptrdiff_t>(bins), 0.0);
  const double beyond = std::accumulate(h.begin() + static_cast<std::ptrdiff_t>(bins), h.end(), 0.0);
  if (inside == 0) return std::numeric_limits<double>::infinity();
  double sum = 0;
  for (std::size_t group = 0; group < groups; ++group) {
    const std::size_t begin = group * bins / groups, end = (group + 1) * bins / groups;
    double count = 0, filled = 0;
    for (std::size_t i = begin; i < end; ++i) {
      count += h[i];
      filled += h[i] > 0 ? 1 : 0;
    }
    const double spread = filled > 0 ? count / filled / inside : 0;
    for (std::size_t i = begin; i < end; ++i) {
      const double p = (h[i] + (i + 1 == bins ? beyond : 0)) / (inside + beyond);
      const double q = (1 - kMix) * (h[i] > 0 ? spread : 0) + kMix / static_cast<double>(bins);
      if (p > 0) sum += p * std::log(p / q);
    }
  }
  return sum;
}

class EntropyObserver final : public CountingObserver {
 public:
  using CountingObserver::CountingObserver;

  Range range(const QuantSpec& spec) const override {
    if (counts().total() == 0) return {};
    constexpr std::size_t kCandidates = 256;
    const Range seen = counts().seen();
    const std::vector<std::uint64_t> folded = counts().folded();
    std::vector<double> h(folded.begin(), folded.end());
    // Exact zeros, of a ReLU say, have an exact code under any threshold and must not drown the rest.
    if (h.size() > 1) h[0] = h[1];
    const bool both_sides = (seen.min < 0 && seen.max > 0) || spec.scheme == Scheme::symmetric;
    const auto codes = static_cast<std::size_t>(spec.bounds().max - spec.bounds().min + 1);
    const std::size_t groups = std::max<std::size_t>(both_sides ? codes / 2 : codes, 1);
    std::size_t best = h.size();
    double least = std::numeric_limits<double>::infinity();
    const std::size_t stride = std::max<std::size_t>(h.size() / kCandidates, 1);
    for (std::size_t bins = h.size(); bins >= groups; bins -= std::min(bins, stride)) {
      const double found = divergence(h, bins, groups);
      if (found >= least) continue;
      least = found;
      best = bins;
    }
    const auto end = static_cast<float>(counts().width() * static_cast<double>(best));
    return {std::max(seen.min, -end), std::min(seen.max, end)};
  }
};

}  // namespace

std::unique_ptr<Observer> make_entropy_observer(const ObserverSpec& spec) {
  return std::make_unique<EntropyObserver>(spec);
}

}  // namespace octet::graph
