// SPDX-License-Identifier: Apache-2.0
#include "kernels/i8mm/i8mm.h"

namespace octet::kernels {

namespace dotprod {
extern const Backend backend;
}

namespace OCTET_BACKEND_NS {

constinit const Backend backend = {
    .name = "i8mm",
    .description = "ARMv8.6 smmla: matrices of 2x8 times 8x2",
    .needs = kCpuNeon | kCpuDotprod | kCpuI8mm,
    .base = &dotprod::backend,
    .activation = Activation::s8,
    .gemm = {.run = gemm, .mr = 6, .nr = 16, .nu = 8, .kr = 8, .packing = kPackCodes, .saturates = 0},
    .depthwise = nullptr,
    .depthwise3x3 = nullptr,
    .add = nullptr,
    .mul = nullptr,
    .lookup = nullptr,
    .max_pool = nullptr,
    .avg_pool = nullptr,
    .quantize = nullptr,
    .dequantize = nullptr,
    .requantize = nullptr,
};

}  // namespace OCTET_BACKEND_NS

}  // namespace octet::kernels
