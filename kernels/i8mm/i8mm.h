// SPDX-License-Identifier: Apache-2.0
// smmla: Cortex-A510, A710 and X2, Neoverse V1 and N2, Apple M2, so Graviton 3 and phones since 2021.
#pragma once

#include "kernels/microkernels.h"

namespace octet::kernels::OCTET_BACKEND_NS {

extern const Backend backend;

void gemm(const GemmArgs& args);

}  // namespace octet::kernels::OCTET_BACKEND_NS
