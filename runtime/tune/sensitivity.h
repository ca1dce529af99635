// SPDX-License-Identifier: Apache-2.0
// How much of a quantized model is int8, and which of its operators disturb the output most.
#pragma once

#include <octet/tune.h>

#include <string>
#include <vector>

namespace octet::runtime {

// The share of multiply-accumulates that int8 operators do, in [0, 1]; 1 for a model without any.
Result<double> int8_share(const Model& model, const Batches& batches);

struct Suspect {
  std::string name;       // of the node
  double macs_share = 0;  // of the model's multiply-accumulates
  double error = 0;       // squared error of the outputs that is gone when it alone is in fp32
};

// The int8 operators of what `calibrator` converts to, biases corrected, worst first.
Result<std::vector<Suspect>> rank_operators(const Calibrator& calibrator, const Batches& batches);

}  // namespace octet::runtime
