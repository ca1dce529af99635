// SPDX-License-Identifier: Apache-2.0
// Packed weights in a compiled model: checked in two steps, their place when the file is opened, what they
// hold when a session uses them.
#pragma once

#include <octet/status.h>

#include <memory>
#include <span>

#include "graph/graph.h"
#include "kernels/layer_weights.h"

namespace octet::compiled {
struct PackedWeights;
}

namespace octet::runtime {

class Constants;

class StoredWeights {
 public:
  // `value` is the constant that `stored` speaks of. Refused: sizes that contradict it or each other, and bytes
  // that lie outside the file.
  static Result<StoredWeights> read(const std::shared_ptr<const std::byte[]>& file,
                                    const compiled::PackedWeights& stored, const graph::Value& value,
                                    Constants& constants);

  // Whether these are what would be packed under this key.
  bool fit(const kernels::WeightKey& key) const;
  // In place. Refused: damaged bytes, and bytes that kernels cannot be given.
  Result<kernels::LayerWeightsPtr> adopt(const kernels::WeightKey& key, const kernels::Backend& backend) const;

 private:
  std::shared_ptr<const std::byte[]> file_;  // holds the description too
  const compiled::PackedWeights* stored_ = nullptr;
  std::span<const std::byte> bytes_;
};

}  // namespace octet::runtime
