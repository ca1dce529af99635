// SPDX-License-Identifier: Apache-2.0
#include "kernels/scalar/scalar.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/requantize.inl"

template <class Code>
void mul(const MulParams& p, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step, uint8_t* out, size_t n) {
  for (size_t i = 0; i < n; ++i) {
    const Code qa = static_cast<Code>(a[i * a_step]);
    const Code qb = static_cast<Code>(b[i * b_step]);
    out[i] = static_cast<uint8_t>(mul_codes(p, qa, qb));
  }
}

template void mul<uint8_t>(const MulParams&, const uint8_t*, size_t, const uint8_t*, size_t, uint8_t*, size_t);
template void mul<int8_t>(const MulParams&, const uint8_t*, size_t, const uint8_t*, size_t, uint8_t*, size_t);

}  // namespace octet::kernels::OCTET_BACKEND_NS
