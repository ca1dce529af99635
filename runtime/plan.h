// SPDX-License-Identifier: Apache-2.0
// Graph + backend -> prepared ops and where every value lives; also the precision ledger.
#pragma once

#include <octet/session.h>
#include <octet/status.h>

#include <vector>

#include "graph/graph.h"
#include "kernels/op.h"

namespace octet::runtime {

// Where a value's bytes are while the session runs.
struct Place {
  enum class Kind : std::uint8_t { nowhere, arena, constant } kind = Kind::nowhere;
  std::size_t offset = 0;              // arena
  const std::byte* constant = nullptr; // constant
};

struct Step {
  kernels::PreparedOp op;
  std::vector<graph::ValueId> inputs;   // kNone where absent
  std::vector<graph::ValueId> outputs;
  int slices = 1;
};

struct Plan {
  graph::Graph graph;                // lowered; owns the constants that steps read
  std::vector<Step> steps;           // in execution order
  std::vector<Place> places;         // (values)
  std::size_t scratch_offset = 0;    // behind the activations
  std::size_t arena_bytes = 0;
  std::size_t weight_bytes = 0;
  std::vector<OpInfo> ops;           // one per step
};

struct PlanOptions {
  const kernels::Backend* backend = nullptr;
  RequantMode requant = RequantMode::fixed;
  int threads = 1;
  kernels::PrepareFn float_prepare = nullptr;  // for all-float graphs, may be nullptr
  kernels::WeightStore* weights = nullptr;     // likewise
};

Result<Plan> make_plan(graph::Graph lowered, const PlanOptions& options);

}  // namespace octet::runtime
