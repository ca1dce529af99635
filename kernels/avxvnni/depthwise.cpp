// SPDX-License-Identifier: Apache-2.0
#include <immintrin.h>
#include <string.h>

#include "kernels/avxvnni/avxvnni.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/avxvnni/vector.inl"
#include "kernels/vnni/epilogue.inl"
#include "kernels/vnni/taps.inl"
#include "kernels/vnni/depthwise.inl"

}  // namespace octet::kernels::OCTET_BACKEND_NS
