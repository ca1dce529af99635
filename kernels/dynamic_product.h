// SPDX-License-Identifier: Apache-2.0
// Products of codes whose parameters are only known when run, with constant weights.
#pragma once

#include <string>

#include "kernels/indirection.h"
#include "kernels/op.h"
#include "kernels/pack.h"

namespace octet::kernels {

// Inputs as graph/attrs.h lists them for the dynamic operators: x holds g.batch channels-last images of codes, the
// output gets g.pixels() rows of g.out_channels floats. `label`: "gemm 3x3 dynamic".
Result<PreparedOp> make_dynamic_product(const OpContext& ctx, const ConvGeometry& g, const WeightMatrix& weights,
                                        const graph::Clamp& clamp, std::string_view label);

// The same context with weights in input 1, where functions for layers look for them; `operands` keeps its inputs.
OpContext as_layer(const OpContext& ctx, std::array<Operand, 2>& operands);

}  // namespace octet::kernels
