// SPDX-License-Identifier: Apache-2.0
// Feeding a calibrator: from files of samples, or from noise where only latency counts.
#pragma once

#include <octet/quantize.h>
#include <octet/status.h>

#include <span>
#include <string>

#include "tools/samples.h"

namespace octet::tools {

Status observe_samples(Calibrator& calibrator, const Samples& samples);
// [NAME=]FILE.npy per input, the first axis counts samples. Returns their number.
Result<std::int64_t> observe_files(Calibrator& calibrator, const Model& model, std::span<const std::string> arguments);
// A few batches of seeded standard normal values (whole numbers: 0). Unknown sizes become 1.
Status observe_noise(Calibrator& calibrator, const Model& model);

}  // namespace octet::tools
