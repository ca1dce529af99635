// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/model.h>

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/layer_weights.h"

namespace octet::runtime {

// A constant's packed form on its way into a file.
struct PackedForm {
  std::int32_t constant;  // index of the value in the file
  std::string backend;
  kernels::WeightKey key;
  kernels::LayerWeightsPtr weights;
};

// The weights of a compiled model (the bytes of one without packed forms) as sessions on `backends` would pack
// them. Packing only needs to know a backend's tiles: it need not be able to run here.
Result<std::vector<PackedForm>> pack_for(const std::string& compiled, const CompileOptions& options);

}  // namespace octet::runtime
