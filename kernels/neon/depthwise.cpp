// SPDX-License-Identifier: Apache-2.0
#include <arm_neon.h>
#include <string.h>

#include "kernels/neon/neon.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/arm/vector.inl"
#include "kernels/arm/epilogue.inl"
#include "kernels/neon/taps.inl"
#include "kernels/arm/depthwise.inl"
// clang-format on

}  // namespace octet::kernels::OCTET_BACKEND_NS
