// SPDX-License-Identifier: Apache-2.0
#include "kernels/avxvnni/avxvnni.h"

namespace octet::kernels {

namespace avx2 {
extern const Backend backend;
}

namespace OCTET_BACKEND_NS {

constinit const Backend backend = {
#ifdef __AVX512VNNI__
    .name = "avx512vnni256",
    .description = "AVX-512 with vpdpbusd on 256-bit vectors",
    .needs = kCpuAvx512 | kCpuAvx512Vnni,
#else
    .name = "avxvnni",
    .description = "AVX2 with vpdpbusd (AVX-VNNI)",
    .needs = kCpuAvx2 | kCpuFma | kCpuAvxVnni,
#endif
    .base = &avx2::backend,
    .activation = Activation::u8,
    .gemm = {.run = gemm, .mr = 6, .nr = 16, .nu = 8, .kr = 4, .packing = kPackCodes, .saturates = 0},
    .depthwise = depthwise,
    .depthwise3x3 = depthwise3x3,
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
