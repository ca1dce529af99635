// SPDX-License-Identifier: Apache-2.0
#include "runtime/weight_cache.h"

#include <fmt/format.h>

#include <algorithm>

#include "runtime/compiled/container.h"

namespace octet::runtime {

using kernels::LayerWeightsPtr;
using kernels::WeightKey;

WeightCache::WeightCache(const graph::Graph& graph) {
  for (const graph::Value& value : graph.values) {
    if (value.is_constant() && size_of(value.dtype) == 1) entries_[value.data.get()].name = value.name;
  }
}

void WeightCache::add(const std::byte* constant, StoredWeights weights) {
  if (Entry* entry = entry_of(constant)) entry->stored.push_back(std::move(weights));
}

void WeightCache::defer(const graph::Value& constant, std::uint64_t checksum) {
  Entry* const entry = entry_of(constant.data.get());
  if (entry == nullptr) return;
  entry->unverified = {constant.data.get(), static_cast<std::size_t>(constant.shape.count())};
  entry->checksum = checksum;
}

Result<LayerWeightsPtr> WeightCache::find(const WeightKey& key, const kernels::Backend& backend) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = entry_of(key.constant);
  if (entry == nullptr) return LayerWeightsPtr();
  if (LayerWeightsPtr known = shared_of(*entry, key)) return known;
  const auto stored = std::ranges::find_if(entry->stored, [&](const StoredWeights& s) { return s.fit(key); });
  if (stored == entry->stored.end()) return LayerWeightsPtr();
  Result<LayerWeightsPtr> adopted = stored->adopt(key, backend);
  if (adopted.ok()) insert(*entry, key, *adopted);
  return adopted;
}

LayerWeightsPtr WeightCache::share(const WeightKey& key, LayerWeightsPtr made) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = entry_of(key.constant);
  if (entry == nullptr) return made;
  // Two sessions may have packed the same at once.
  if (LayerWeightsPtr known = shared_of(*entry, key); known != nullptr && !known->distances.empty()) return known;
  insert(*entry, key, made);
  return made;
}

Status WeightCache::before_reading(const std::byte* constant) {
  const std::lock_guard lock(mutex_);
  Entry* const entry = entry_of(constant);
  return entry == nullptr ? Status() : verify(*entry);
}

Status WeightCache::before_reading_all() {
  const std::lock_guard lock(mutex_);
  for (auto& [constant, entry] : entries_) {
    if (Status status = verify(entry); !status) return status;
  }
  return {};
}

WeightCache::Entry* WeightCache::entry_of(const std::byte* constant) {
  const auto it = entries_.find(constant);
  return it == entries_.end() ? nullptr : &it->second;
}

Status WeightCache::verify(Entry& entry) {
  if (!entry.unverified.empty() && !is_intact(entry.unverified, entry.checksum))
    return Status::error(fmt::format("value '{}': {}", entry.name, kDamaged));
  entry.unverified = {};
  return {};
}

LayerWeightsPtr WeightCache::shared_of(const Entry& entry, const WeightKey& key) {
  LayerWeightsPtr known;
  for (const auto& [its_key, weights] : entry.shared) {
    if (known == nullptr && its_key == key) known = weights.lock();
  }
  return known;
}

void WeightCache::insert(Entry& entry, const WeightKey& key, const LayerWeightsPtr& weights) {
  std::erase_if(entry.shared, [&](const auto& one) { return one.first == key || one.second.expired(); });
  entry.shared.emplace_back(key, weights);
}

}  // namespace octet::runtime
