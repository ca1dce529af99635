// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/quantize.h>

#include <map>
#include <string>

namespace octet::graph {

// Model::notes() of what this calibrator makes: how many samples, which configuration, and for every tensor
// its observer, the values it has seen and the range that was chosen.
std::map<std::string, std::string> calibration_record(const Calibrator& calibrator);

}  // namespace octet::graph
