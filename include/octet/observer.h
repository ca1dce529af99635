// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/qparams.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// Which statistic of the observed values chooses the range; docs/quantizing.md says when to use which.
enum class ObserverKind : std::uint8_t {
  min_max,                     ///< everything ever seen
  moving_average,              ///< min and max of each batch, averaged exponentially
  per_channel_min_max,         ///< min_max for each index of an axis
  per_channel_moving_average,  ///< moving_average for each index of an axis
  histogram,                   ///< the search of PyTorch's HistogramObserver
  percentile,                  ///< leaves out a share of the values at the ends
  entropy,                     ///< least Kullback-Leibler divergence from the codes' distribution
  mse                          ///< least mean squared error of the codes
};

/// "min_max", "moving_average" ...: what users type and what files say.
const char* name_of(ObserverKind kind) noexcept;
/// The kind of that name; an unknown name is an error that lists the known ones.
Result<ObserverKind> find_observer(std::string_view name);

/// An observer and its settings; each kind reads its own and ignores the rest.
struct ObserverSpec {
  ObserverKind kind = ObserverKind::min_max;
  float averaging_constant = 0.01F;  ///< moving averages: weight of the newest batch, in (0, 1]
  int bins = 2048;                   ///< histogram: exactly; percentile, entropy, mse: at least, 128..65536
  double percentile = 99.99;         ///< percentile: percent of the values to cover, in (50, 100]

  friend bool operator==(const ObserverSpec&, const ObserverSpec&) = default;
};

/// Watches tensors go by, in fixed memory, and chooses the parameters of their codes:
///     auto observer = TensorObserver::create({ObserverKind::min_max}).value();
///     observer.observe(values, shape).value();          // as often as there are batches
///     Quant quant = observer.qparams(spec).value();
class TensorObserver {
 public:
  /// `axis` is read by the per-channel kinds alone.
  static Result<TensorObserver> create(const ObserverSpec& spec, int axis = 0);
  TensorObserver(TensorObserver&&) noexcept;
  TensorObserver& operator=(TensorObserver&&) noexcept;
  ~TensorObserver();

  /// One batch, row-major of `shape`. Infinite values are passed over; NaN is an error and leaves the
  /// observer as it was, as does a number of channels that differs from the first batch's.
  Status observe(std::span<const float> values, const Shape& shape);
  /// Afterwards as if this one had also seen what `other` saw, in whatever order: the states are the same
  /// bytes. Refused between different specs, and for the kinds that depend on the order of batches
  /// (moving averages, histogram).
  Status merge(const TensorObserver& other);

  /// What codes of `spec` shall cover: one range, or one per channel. Empty ranges before observe().
  std::vector<Range> ranges(const QuantSpec& spec) const;
  /// choose_qparams of these ranges.
  Result<Quant> qparams(const QuantSpec& spec) const;
  /// The share of the values seen that lie outside `range`, to the resolution of a bin.
  double clipped_share(Range range) const;

  /// The state as bytes, and an observer of the same spec from them; damaged bytes are an error.
  std::string save() const;
  Status load(std::string_view state);

 private:
  struct Impl;
  explicit TensorObserver(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet
