// SPDX-License-Identifier: Apache-2.0
#include "kernels/neon/neon.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Every slot is filled: the scalar backend counts in u8 codes, so it is no base for this one.
constinit const Backend backend = {
    .name = "neon",
    .description = "ARMv8.0 NEON, exact wherever 16-bit sums of pairs would wrap",
    .needs = kCpuNeon,
    .base = nullptr,
    .activation = Activation::s8,
    .gemm = {.run = gemm, .mr = 4, .nr = 8, .nu = 8, .kr = 16, .packing = kPackCodes, .saturates = kSaturatesS8},
    .gemm_exact = {.run = gemm_exact, .mr = 4, .nr = 8, .nu = 8, .kr = 16, .packing = kPackCodes, .saturates = 0},
    .depthwise = depthwise,
    .depthwise3x3 = nullptr,
    .add = add,
    .mul = mul,
    .lookup = lookup,
    .max_pool = max_pool,
    .avg_pool = avg_pool,
    .quantize = quantize,
    .dequantize = dequantize,
    .requantize = requantize_row,
};

}  // namespace octet::kernels::OCTET_BACKEND_NS
