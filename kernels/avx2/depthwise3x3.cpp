// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/avx2/avx2.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/x86/vector256.inl"
#include "kernels/avx2/dot.inl"
#include "kernels/x86/slots.inl"
#include "kernels/x86/integer_fixed.inl"
#include "kernels/x86/epilogue.inl"
#include "kernels/avx2/window3x3.inl"
#include "kernels/x86/depthwise3x3.inl"
// clang-format on

}  // namespace octet::kernels::OCTET_BACKEND_NS
