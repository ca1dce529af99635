// SPDX-License-Identifier: Apache-2.0
#include "kernels/scalar/scalar.h"

namespace octet::kernels::OCTET_BACKEND_NS {

void lookup(const uint8_t* table, const uint8_t* in, uint8_t* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = table[in[i]];
}

}  // namespace octet::kernels::OCTET_BACKEND_NS
