// SPDX-License-Identifier: Apache-2.0
// From an observed range to scale and zero point. Simulation and conversion both come here: two
// formulas for one thing is how a trained network and its int8 form drift apart.
#pragma once

#include <octet/quantize.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <limits>

namespace octet::graph {

// What an observer has seen. Empty (min > max) until something was.
struct Range {
  float min = std::numeric_limits<float>::infinity();
  float max = -std::numeric_limits<float>::infinity();

  bool empty() const noexcept { return !(min <= max); }
  void include(const Range& other) noexcept {
    min = other.min < min ? other.min : min;
    max = other.max > max ? other.max : max;
  }
  friend bool operator==(const Range&, const Range&) = default;
};

// One sentence if codes of this spec cannot exist (bounds outside the dtype, empty, eps <= 0 ...).
Status check_spec(const QuantSpec& spec);

// Per-tensor parameters for values in `range`, all in binary32 like the observers of PyTorch:
//   range is widened to hold 0, so that padding and ReLU's floor have an exact code;
//   affine:    scale = (max-min) / (quant_max-quant_min),  zero_point = clamp(quant_min - rne(min/scale))
//   symmetric: scale = max(-min,max) / ((quant_max-quant_min)/2),  zero_point = the middle code
//   and no scale is below eps.
// Refused: an empty or non-finite range, and one so wide that the scale overflows.
Result<Quant> choose_qparams(Range range, const QuantSpec& spec);

// Parameters for a function whose values are known to lie in [lo, hi) whatever was observed
// (sigmoid, softmax: [0,1); tanh: [-1,1)): one step is (hi-lo) / number of codes.
Quant fixed_qparams(float lo, float hi, const QuantSpec& spec);

}  // namespace octet::graph
