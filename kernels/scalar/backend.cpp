// SPDX-License-Identifier: Apache-2.0
#include "kernels/scalar/scalar.h"

namespace octet::kernels::OCTET_BACKEND_NS {

namespace {
using Code = uint8_t;
}

// Every slot is filled: this backend is the end of each chain of bases.
constinit const Backend backend = {
    .name = "scalar",
    .description = "plain C++, runs anywhere, defines the result",
    .needs = 0,
    .base = nullptr,
    .activation = Code(-1) < Code(0) ? Activation::s8 : Activation::u8,
    .gemm = {.run = gemm<Code>,
             .mr = kGemmMr,
             .nr = kGemmNr,
             .nu = kGemmNu,
             .kr = kGemmKr,
             .packing = kPackCodes,
             .saturates = 0},
    .depthwise = depthwise<Code>,
    .depthwise3x3 = nullptr,
    .add = add<Code>,
    .mul = mul<Code>,
    .lookup = lookup,
    .max_pool = max_pool<Code>,
    .avg_pool = avg_pool<Code>,
    .quantize = quantize,
    .dequantize = dequantize<Code>,
    .requantize = requantize_row,
};

}  // namespace octet::kernels::OCTET_BACKEND_NS
