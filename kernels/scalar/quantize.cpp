// SPDX-License-Identifier: Apache-2.0
#include "kernels/scalar/scalar.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/requantize.inl"

// The bounds are those of the code minus its zero point, at most 255 in size: clamping in float
// first keeps the conversion in range and gives the same code as clamping last. NaN fails both
// comparisons of a minimum and a maximum differently on different instruction sets, so it becomes
// 0 (whose code is the zero point) before them.
void quantize(const QuantizeParams& p, const float* in, uint8_t* out, size_t n) {
  const float lo = static_cast<float>(p.min - p.zero_point);
  const float hi = static_cast<float>(p.max - p.zero_point);
  const float inverse = 1.0F / p.scale;
  for (size_t i = 0; i < n; ++i) {
    float v = p.reciprocal != 0 ? in[i] * inverse : in[i] / p.scale;
    v = v == v ? v : 0.0F;
    v = v < lo ? lo : v;
    v = v > hi ? hi : v;
    out[i] = static_cast<uint8_t>(round_half_even(v) + p.zero_point);
  }
}

template <class Code>
void dequantize(float scale, int32_t zero_point, const uint8_t* in, float* out, size_t n) {
  for (size_t i = 0; i < n; ++i) out[i] = scale * static_cast<float>(static_cast<Code>(in[i]) - zero_point);
}

template void dequantize<uint8_t>(float, int32_t, const uint8_t*, float*, size_t);
template void dequantize<int8_t>(float, int32_t, const uint8_t*, float*, size_t);

}  // namespace octet::kernels::OCTET_BACKEND_NS
