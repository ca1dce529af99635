// SPDX-License-Identifier: Apache-2.0
// From an observed range to scale and zero point. Simulation and conversion both come here: two
// formulas for one thing is how a trained network and its int8 form drift apart.
#pragma once

#include <octet/qparams.h>

namespace octet::graph {

using octet::choose_qparams;
using octet::Range;

// One sentence if codes of this spec cannot exist (bounds outside the dtype, empty, eps <= 0 ...).
Status check_spec(const QuantSpec& spec);

// The code of 0 under a symmetric scheme, and how many codes the larger end of a range gets there.
std::int32_t middle_code(const QuantSpec& spec);
float symmetric_steps(const QuantSpec& spec);

// ScaleRule::fused, for a finite range. Its scale need not fit the one that `half` gives for the same
// values: a network trained with the one and converted with the other changes. Here to reproduce that.
Quant choose_fused_qparams(Range range, const QuantSpec& spec);

// Parameters for a function whose values are known to lie in [lo, hi) whatever was observed
// (sigmoid, softmax: [0,1); tanh: [-1,1)): one step is (hi-lo) / number of codes. reduce_range does not
// concern them.
Quant fixed_qparams(float lo, float hi, const QuantSpec& spec);

}  // namespace octet::graph
