// SPDX-License-Identifier: Apache-2.0
// Known-answer test of the very kernels that were chosen: catches a mis-detected CPU, a miscompiled
// kernel, a hypervisor that lies. About a millisecond.
#pragma once

#include "kernels/microkernels.h"

namespace octet::kernels {

// The name of the first slot whose kernel differs from the scalar specification on the hard vectors
// of this test, or nullptr. `backend` has all slots filled and its CPU features are present.
const char* failing_kernel(const Backend& backend);

}  // namespace octet::kernels
