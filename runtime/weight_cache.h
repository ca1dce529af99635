// SPDX-License-Identifier: Apache-2.0
// What a model's sessions share: weights that one of them has packed, for as long as any holds them, and
// weights that its file holds in packed form already.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "graph/graph.h"
#include "kernels/layer_weights.h"
#include "runtime/compiled/packed.h"

namespace octet::runtime {

class WeightCache final : public kernels::WeightStore {
 public:
  // Knows the constants of `graph`, which must live at least as long: what a session derives of them is its own.
  explicit WeightCache(const graph::Graph& graph);

  // While a model is opened. Elements of a constant that has a packed form are not verified before they are read.
  void add(const std::byte* constant, StoredWeights weights);
  void defer(const graph::Value& constant, std::uint64_t checksum);

  Result<kernels::LayerWeightsPtr> find(const kernels::WeightKey& key, const kernels::Backend& backend) override;
  kernels::LayerWeightsPtr share(const kernels::WeightKey& key, kernels::LayerWeightsPtr made) override;
  Status before_reading(const std::byte* constant) override;
  // Before all constants may be read.
  Status before_reading_all();

 private:
  struct Entry {
    std::string name;
    std::span<const std::byte> unverified;  // empty: nothing is
    std::uint64_t checksum = 0;             // of these
    std::vector<StoredWeights> stored;
    std::vector<std::pair<kernels::WeightKey, std::weak_ptr<const kernels::LayerWeights>>> shared;
  };
  Entry* entry_of(const std::byte* constant);
  static Status verify(Entry& entry);
  static kernels::LayerWeightsPtr shared_of(const Entry& entry, const kernels::WeightKey& key);
  static void insert(Entry& entry, const kernels::WeightKey& key, const kernels::LayerWeightsPtr& weights);

  std::mutex mutex_;
  std::map<const std::byte*, Entry> entries_;
};

}  // namespace octet::runtime
