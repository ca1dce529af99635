// SPDX-License-Identifier: Apache-2.0
// Biases that take back the mean error of int8 weights and activations.
#pragma once

#include <octet/tune.h>

#include <span>

#include "graph/graph.h"
#include "runtime/model_impl.h"

namespace octet::runtime {

// The float graph whose conversion by `ranges` and `config` is to be used instead of the given one's. Values
// keep their ids; a layer without a bias gets one.
Result<graph::Graph> correct_biases(const Model& fp32, std::span<const Range> ranges, const QConfig& config,
                                    const Batches& batches);

}  // namespace octet::runtime
