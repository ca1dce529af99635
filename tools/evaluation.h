// SPDX-License-Identifier: Apache-2.0
// How many samples a classifier gets right.
#pragma once

#include <octet/model.h>
#include <octet/session.h>
#include <octet/status.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tools/samples.h"

namespace octet::tools {

struct Accuracy {
  double top1 = 0, top5 = 0;  // percent
  std::string engine;         // what computed the model
};

// Class numbers (int64, int32 or uint8), one per sample.
Result<std::vector<std::int64_t>> read_labels(const std::string& path, std::int64_t samples);
// Of the model's first output, whose first axis must be the batch.
Result<Accuracy> evaluate(const Model& model, SessionOptions options, const Samples& samples,
                          std::span<const std::int64_t> labels);

}  // namespace octet::tools
