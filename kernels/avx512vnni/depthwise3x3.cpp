// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/avx512vnni/avx512vnni.h"

namespace octet::kernels::OCTET_BACKEND_NS {

// Each builds on those before it.
// clang-format off
#include "kernels/avx512vnni/vector.inl"
#include "kernels/x86/slots.inl"
#include "kernels/x86/guarded_fixed.inl"
#include "kernels/x86/epilogue.inl"
#include "kernels/x86/taps.inl"
#include "kernels/x86/window3x3.inl"
#include "kernels/x86/depthwise3x3.inl"
// clang-format on

}  // namespace octet::kernels::OCTET_BACKEND_NS
