// SPDX-License-Identifier: Apache-2.0
// One batch of samples as floats, whatever type the model's inputs have.
#pragma once

#include <octet/quantize.h>

#include <vector>

#include "tools/samples.h"

namespace octet::tools {

struct FloatBatch {
  std::vector<std::vector<float>> elements;  // (inputs)
  std::vector<NamedTensor> tensors;          // views of `elements`, whose names are those of the samples
};

FloatBatch float_batch(const Samples& samples, std::int64_t batch);

}  // namespace octet::tools
