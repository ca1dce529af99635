// SPDX-License-Identifier: Apache-2.0
// sdot: Cortex-A55, A75 and A76, Neoverse N1, Apple M1, so most phones since 2018 and Raspberry Pi 5.
#pragma once

#include "kernels/microkernels.h"

namespace octet::kernels::OCTET_BACKEND_NS {

extern const Backend backend;

void gemm(const GemmArgs& args);
void depthwise(const DepthwiseArgs& args);

}  // namespace octet::kernels::OCTET_BACKEND_NS
