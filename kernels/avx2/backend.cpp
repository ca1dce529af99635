// SPDX-License-Identifier: Apache-2.0
#include "kernels/avx2/avx2.h"

namespace octet::kernels {

namespace scalar {
extern const Backend backend;
}

namespace OCTET_BACKEND_NS {

constinit const Backend backend = {
    .name = "avx2",
    .description = "AVX2, exact wherever 16-bit sums of pairs would saturate",
    .needs = kCpuAvx2 | kCpuFma,
    .base = &scalar::backend,
    .activation = Activation::u8,
    .gemm = {.run = gemm, .mr = 4, .nr = 16, .nu = 8, .kr = 4, .packing = kPackCodes, .saturates = kSaturatesU8},
    .gemm_exact = {.run = gemm_widened, .mr = 4, .nr = 16, .nu = 8, .kr = 2, .packing = kPackWords, .saturates = 0},
    .gemm_complement =
        {.run = gemm_complement, .mr = 4, .nr = 16, .nu = 8, .kr = 4, .packing = kPackComplement, .saturates = 0},
    .gemm_quads =
        {.run = gemm_quads, .mr = 4, .nr = 16, .nu = 8, .kr = 4, .packing = kPackQuads, .saturates = kSaturatesU8},
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
