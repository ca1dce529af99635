// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx512vnni/avx512vnni.h"

namespace octet::kernels {

namespace scalar {
extern const Backend backend;
}

namespace OCTET_BACKEND_NS {

constinit const Backend backend = {
    .name = "avx512vnni",
    .description = "AVX-512 with vpdpbusd on 512-bit vectors",
    .needs = kCpuAvx512 | kCpuAvx512Vnni,
    .base = &scalar::backend,
    .activation = Activation::u8,
    .gemm = {.run = gemm, .mr = 6, .nr = 64, .nu = 16, .kr = 4, .packing = kPackCodes, .saturates = 0},
    .depthwise = depthwise,
    .depthwise3x3 = depthwise3x3,
    .add = add,
    .mul = mul,
    .lookup = lookup,
    .max_pool = max_pool,
    .avg_pool = avg_pool,
    .quantize = quantize,
    .dequantize = dequantize,
    .requantize = requantize_row,
};

}  // namespace OCTET_BACKEND_NS

}  // namespace octet::kernels
