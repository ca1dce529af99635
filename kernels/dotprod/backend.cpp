// SPDX-License-Identifier: Apache-2.0
#include "kernels/dotprod/dotprod.h"

namespace octet::kernels {

namespace neon {
extern const Backend backend;
}

namespace OCTET_BACKEND_NS {

constinit const Backend backend = {
    .name = "dotprod",
    .description = "ARMv8.2 sdot: four products per lane",
    .needs = kCpuNeon | kCpuDotprod,
    .base = &neon::backend,
    .activation = Activation::s8,
    .gemm = {.run = gemm, .mr = 8, .nr = 8, .nu = 8, .kr = 4, .packing = kPackCodes, .saturates = 0},
    .depthwise = depthwise,
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
