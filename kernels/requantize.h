// SPDX-License-Identifier: Apache-2.0
// From real scales to the integers of kernels/requantize.inl; all of it at prepare time.
#pragma once

#include <octet/session.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <cstdint>

#include "graph/attrs.h"
#include "kernels/microkernels.h"

namespace octet::kernels {

// M ~ multiplier * 2^-shift, multiplier 0 or in [2^30, 2^31), shift in [21, 62].
struct FixedScale {
  std::int32_t multiplier;
  std::int32_t shift;
};

// `real` finite and >= 0. 2^31 after rounding becomes 2^30 with shift-1; a shift above 62 gives a
// multiplier of 0 (exact: |acc*M| < 1/2); M > 2^9 is replaced by 2^9 (same codes).
FixedScale fixed_scale(double real);

// The factor M = sx*sw/so of mode `requant`: double for fixed; float chains as the peers compute
// them for the other two.
double fixed_factor(float sx, float sw, float so);
float floating_factor(float sx, float sw, float so, RequantMode mode);

// The code bounds of an output: the dtype's range, narrowed by the clamp quantized once.
struct CodeRange {
  std::int32_t min, max;
};
CodeRange code_range(DType dtype);
CodeRange code_range(DType dtype, float scale, std::int32_t zero_point, const graph::Clamp& clamp);

// The Add row of docs/arithmetic.md: b_sign -1 for Sub. Refused when R = max(sa,sb)/so >= 2^19.
// relabelled: what relabelling has added to the model's codes (graph::Value), and so to all the zero points.
// b_first: b is the model's first operand, which the float modes tell from the second.
Result<AddParams> add_params(float sa, std::int32_t za, float sb, std::int32_t zb, float so, std::int32_t zo,
                             CodeRange range, int b_sign, RequantMode mode, std::int32_t relabelled = 0,
                             bool b_first = false);
MulParams mul_params(float sa, std::int32_t za, float sb, std::int32_t zb, float so, std::int32_t zo, CodeRange range,
                     RequantMode mode);

Finish finish_of(RequantMode mode);  // fixed, or floating for both float modes

}  // namespace octet::kernels
