// SPDX-License-Identifier: Apache-2.0
#include "kernels/scalar/scalar.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/requantize.inl"

void requantize_row(const Requant& requant, const int32_t* acc, uint8_t* out, size_t n) {
  for (size_t j = 0; j < n; ++j) out[j] = static_cast<uint8_t>(requantize(requant, j, acc[j]));
}

}  // namespace octet::kernels::OCTET_BACKEND_NS
