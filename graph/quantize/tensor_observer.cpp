// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graph/quantize/observer.h"

namespace octet {

struct TensorObserver::Impl {
  ObserverSpec spec;
  int axis = -1;                                           // -1: per tensor
  std::vector<std::unique_ptr<graph::Observer>> channels;  // one per tensor; per channel, none before the first batch

  void make(std::size_t count) {
    channels.clear();
    for (std::size_t i = 0; i < count; ++i) channels.push_back(graph::make_observer(spec));
  }
};

Result<TensorObserver> TensorObserver::create(const ObserverSpec& spec, int axis) {
  if (Status status = graph::check_observer(spec); !status.ok()) return status;
  if (axis < 0 || axis >= Shape::kMaxRank) {
    return Status::error(fmt::format("axis {}: must be 0 to {}", axis, Shape::kMaxRank - 1));
  }
  auto impl = std::make_unique<Impl>(Impl{spec, graph::is_per_channel(spec.kind) ? axis : -1, {}});
  if (impl->axis < 0) impl->make(1);
  return TensorObserver(std::move(impl));
}

Status TensorObserver::observe(std::span<const float> values, const Shape& shape) {
  Impl& self = *impl_;
  if (!shape.is_known() || static_cast<std::uint64_t>(shape.count()) != values.size()) {
    return Status::error(fmt::format("{} values: shape {} needs another number", values.size(), to_string(shape)));
  }
  const auto nan = std::ranges::find_if(values, [](float x) { return std::isnan(x); });
  if (nan != values.end()) {
    return Status::error(fmt::format("NaN at element {}: observers need numbers", nan - values.begin()));
  }
  if (self.axis < 0) {
    self.channels[0]->observe(values);
    return {};
  }
  if (self.axis >= shape.rank()) {
    return Status::error(fmt::format("axis {}: shape {} has no such axis", self.axis, to_string(shape)));
  }
  const auto channels = static_cast<std::size_t>(shape[self.axis]);
  if (self.channels.empty()) self.make(channels);
  if (channels != self.channels.size()) {
    return Status::error(fmt::format("{} channels: the batches before had {}", channels, self.channels.size()));
  }
  const auto inner = static_cast<std::size_t>(shape.count(self.axis + 1, shape.rank()));
  std::vector<float> own;  // one channel's values of this batch: moving averages take a batch at a time
  for (std::size_t c = 0; c < channels; ++c) {
    own.clear();
    for (std::size_t at = c * inner; at < values.size(); at += channels * inner) {
      own.insert(own.end(), values.begin() + static_cast<std::ptrdiff_t>(at),
                 values.begin() + static_cast<std::ptrdiff_t>(at + inner));
    }
    self.channels[c]->observe(own);
  }
  return {};
}

Status TensorObserver::merge(const TensorObserver& other) {
  Impl& self = *impl_;
  if (self.spec != other.impl_->spec || self.axis != other.impl_->axis) {
    return Status::error(fmt::format("observer {}: merges only with one of the same kind and settings, not {}",
                                     name_of(self.spec.kind), name_of(other.impl_->spec.kind)));
  }
  if (Status status = graph::check_mergeable(self.spec.kind); !status.ok()) return status;
  if (other.impl_->channels.empty()) return {};
  if (self.channels.empty()) self.make(other.impl_->channels.size());
  if (self.channels.size() != other.impl_->channels.size()) {
    return Status::error(
        fmt::format("{} channels: the other observer has {}", self.channels.size(), other.impl_->channels.size()));
  }
  for (std::size_t c = 0; c < self.channels.size(); ++c) self.channels[c]->merge(*other.impl_->channels[c]);
  return {};
}

std::vector<Range> TensorObserver::ranges(const QuantSpec& spec) const {
  std::vector<Range> ranges;
  for (const auto& channel : impl_->channels) ranges.push_back(channel->range(spec));
  return ranges;
}

Result<Quant> TensorObserver::qparams(const QuantSpec& spec) const {
  const std::vector<Range> all = ranges(spec);
  if (all.empty()) return Status::error("no value was observed: show it at least one sample");
  return impl_->axis < 0 ? choose_qparams(all[0], spec) : choose_qparams(all, impl_->axis, spec);
}

double TensorObserver::clipped_share(Range range) const {
  double sum = 0;  // channels have the same number of values
  for (const auto& channel : impl_->channels) sum += channel->clipped_share(range);
  return impl_->channels.empty() ? 0 : sum / static_cast<double>(impl_->channels.size());
}

std::string TensorObserver::save() const {
  graph::StateWriter writer;
  writer.text(name_of(impl_->spec.kind));
  writer.number(impl_->channels.size());
  for (const auto& channel : impl_->channels) channel->save(writer);
  return writer.take();
}

Status TensorObserver::load(std::string_view state) {
  graph::StateReader reader(state);
  Impl read{impl_->spec, impl_->axis, {}};
  const std::string_view kind = reader.text();
  if (reader.ok() && kind != name_of(impl_->spec.kind)) {
    return Status::error(fmt::format("observer {}: this is the state of another kind", name_of(impl_->spec.kind)));
  }
  const std::uint64_t channels = reader.number();
  bool ok = reader.ok() && channels <= reader.left() && (read.axis >= 0 || channels == 1);
  if (ok) read.make(static_cast<std::size_t>(channels));
  for (std::size_t c = 0; ok && c < channels; ++c) ok = read.channels[c]->load(reader);
  if (!ok || !reader.complete()) {
    return Status::error(
        fmt::format("observer {}: the state is damaged or has other settings", name_of(impl_->spec.kind)));
  }
  *impl_ = std::move(read);
  return {};
}

TensorObserver::TensorObserver(std::unique_ptr<Impl> impl) noexcept : impl_(std::move(impl)) {}
TensorObserver::TensorObserver(TensorObserver&&) noexcept = default;
TensorObserver& TensorObserver::operator=(TensorObserver&&) noexcept = default;
TensorObserver::~TensorObserver() = default;

}  // namespace octet
