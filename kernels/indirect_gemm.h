// SPDX-License-Identifier: Apache-2.0
// The operator behind most convolutions and every dense layer: rows found through an indirection
// table, times packed weights.
#pragma once

#include <string>

#include "kernels/indirection.h"
#include "kernels/op.h"
#include "kernels/packed_gemm.h"

namespace octet::kernels {

// Input 0 holds g.batch images of codes, output 0 gets g.pixels() rows of g.out_channels, input 3 is
// the residual if the epilogue adds one. `label`: "gemm 3x3 indirect".
PreparedOp make_indirect_gemm(const OpContext& ctx, const ConvGeometry& g, PackedGemm gemm, std::string label);

}  // namespace octet::kernels
