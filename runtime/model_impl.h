// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/model.h>

#include <map>
#include <memory>
#include <string>

#include "graph/graph.h"
#include "kernels/op.h"
#include "runtime/weight_cache.h"

namespace octet::runtime {

struct ModelImpl {
  graph::Graph graph;  // canonical: simplified, NCHW, symbolic sizes
  // How all-float graphs run fast; nullptr in a build without oneDNN (octet::runtime alone). Carried
  // by the model instead of a global, so that no registration order can matter.
  kernels::PrepareFn float_prepare = nullptr;
  std::unique_ptr<WeightCache> weights;  // never nullptr
  std::map<std::string, std::string> notes;
};

inline Model make_model(graph::Graph graph, kernels::PrepareFn float_prepare,
                        std::map<std::string, std::string> notes = {}) {
  auto impl = std::make_shared<ModelImpl>();
  impl->graph = std::move(graph);
  impl->float_prepare = float_prepare;
  impl->weights = std::make_unique<WeightCache>(impl->graph);
  impl->notes = std::move(notes);
  return Model(std::move(impl));
}

// Name, type and shape of each value.
std::vector<TensorInfo> describe(const graph::Graph& graph, std::span<const graph::ValueId> ids);

// True if an operator (not a mere conversion) reads codes.
bool computes_on_codes(const graph::Graph& graph);

}  // namespace octet::runtime
