// SPDX-License-Identifier: Apache-2.0
// 256-bit vectors and vpdpbusd: Intel client CPUs from Alder Lake, which have no AVX-512; and, the
// same text in EVEX encoding, backend avx512vnni256.
#pragma once

#include "kernels/microkernels.h"

namespace octet::kernels::OCTET_BACKEND_NS {

extern const Backend backend;

void gemm(const GemmArgs& args);
void depthwise(const DepthwiseArgs& args);
void depthwise3x3(const Depthwise3x3Args& args);

}  // namespace octet::kernels::OCTET_BACKEND_NS
