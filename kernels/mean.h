// SPDX-License-Identifier: Apache-2.0
// How a sum of codes becomes the code of their mean: the average row of docs/arithmetic.md.
#pragma once

#include <octet/session.h>

#include <cstdint>

#include "kernels/codes.h"
#include "kernels/microkernels.h"
#include "kernels/requantize.h"

namespace octet::kernels {

// Sums of more codes than this could leave int32 behind.
constexpr std::int64_t kMostMeanTaps = std::int64_t{1} << 22;

// One column's constants for windows of one size.
struct MeanScale {
  std::int32_t bias;  // -taps * zx: what the summed codes hold too much
  std::int32_t multiplier, shift;
  float scale;

  // The slots take arrays; these have one entry, inside this object.
  Requant requant(const Codes& out, RequantMode mode) const;
};

// `taps` codes are summed, the sum is divided by `n` (more than taps where padding counts).
MeanScale mean_scale(const Codes& in, const Codes& out, std::int64_t taps, std::int64_t n, RequantMode mode);

}  // namespace octet::kernels
