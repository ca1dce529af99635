// SPDX-License-Identifier: Apache-2.0
// Shows chosen activations of a model, float or int8, for every batch.
#pragma once

#include <octet/tune.h>

#include <functional>
#include <span>

#include "graph/graph.h"

namespace octet::runtime {

// Gets entry `i` of the values as reals; an error ends the watching.
using Visit = std::function<Status(std::size_t i, std::span<const float> x, const Shape& shape)>;

// `values` are of the model's canonical graph and no constants.
Status watch(const Model& model, std::span<const graph::ValueId> values, const Batches& batches, const Visit& visit);

}  // namespace octet::runtime
