// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/observer.h"

#include <fmt/format.h>

namespace octet {
namespace graph {

#define OCTET_OBSERVER(kind, stem, per_channel, mergeable) \
  std::unique_ptr<Observer> make_##stem##_observer(const ObserverSpec&);
#include "graph/quantize/observers.def"
#undef OCTET_OBSERVER

namespace {

struct Entry {
  ObserverKind kind;
  const char* name;
  bool per_channel, mergeable;
  std::unique_ptr<Observer> (*make)(const ObserverSpec&);
};

constexpr Entry kObservers[] = {
#define OCTET_OBSERVER(kind, stem, per_channel, mergeable) \
  {ObserverKind::kind, #kind, per_channel != 0, mergeable != 0, make_##stem##_observer},
#include "graph/quantize/observers.def"
#undef OCTET_OBSERVER
};

const Entry* entry_of(ObserverKind kind) noexcept {
  for (const Entry& entry : kObservers) {
    if (entry.kind == kind) return &entry;
  }
  return nullptr;
}

}  // namespace

Status check_observer(const ObserverSpec& spec) {
  constexpr int kLeastBins = 128, kMostBins = 65536;
  if (entry_of(spec.kind) == nullptr) {
    return Status::error(fmt::format("observer {}: there is no such kind", static_cast<int>(spec.kind)));
  }
  if (!(spec.averaging_constant > 0 && spec.averaging_constant <= 1)) {
    return Status::error(fmt::format("averaging constant {}: must be above 0 and at most 1", spec.averaging_constant));
  }
  if (spec.bins < kLeastBins || spec.bins > kMostBins) {
    return Status::error(fmt::format("{} bins: must be {} to {}", spec.bins, kLeastBins, kMostBins));
  }
  if (!(spec.percentile > 50 && spec.percentile <= 100)) {
    return Status::error(fmt::format("percentile {}: must be above 50 and at most 100", spec.percentile));
  }
  return {};
}

bool is_per_channel(ObserverKind kind) noexcept {
  const Entry* entry = entry_of(kind);
  return entry != nullptr && entry->per_channel;
}

Status check_mergeable(ObserverKind kind) {
  const Entry* entry = entry_of(kind);
  if (entry != nullptr && entry->mergeable) return {};
  return Status::error(
      fmt::format("observer {}: depends on the order of batches, so that two cannot be merged", name_of(kind)));
}

std::unique_ptr<Observer> make_observer(const ObserverSpec& spec) { return entry_of(spec.kind)->make(spec); }

}  // namespace graph

const char* name_of(ObserverKind kind) noexcept {
  const graph::Entry* entry = graph::entry_of(kind);
  return entry == nullptr ? "unknown" : entry->name;
}

Result<ObserverKind> find_observer(std::string_view name) {
  std::string known;
  for (const graph::Entry& entry : graph::kObservers) {
    if (name == entry.name) return entry.kind;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
  }
  return Status::error(fmt::format("observer '{}': must be one of {}", name, known));
}

}  // namespace octet
