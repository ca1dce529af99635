// SPDX-License-Identifier: Apache-2.0
// What a file may still ask for of its ModelLimits while it is read; one for both readers.
#pragma once

#include <octet/limits.h>
#include <octet/status.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "graph/graph.h"

namespace octet::graph {

class ImportContext;

class LoadBudget {
 public:
  explicit LoadBudget(const ModelLimits& limits) : limits_(limits) {}

  int max_depth() const { return limits_.max_depth; }
  Status check_file(std::size_t bytes) const;
  Status check_counts(std::size_t nodes, std::size_t inputs, std::size_t outputs) const;
  // Asked for before memory is.
  Status spend_constant(std::uint64_t bytes, std::string_view what);
  // After a node's rule: what of the values from `first` on is constant and not one of the node's attributes.
  Status spend_computed(const ImportContext& context, std::size_t first);

 private:
  ModelLimits limits_;
  std::uint64_t constant_bytes_ = 0, computed_bytes_ = 0;
};

}  // namespace octet::graph
