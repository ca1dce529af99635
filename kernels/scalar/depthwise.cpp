// SPDX-License-Identifier: Apache-2.0
#include "kernels/scalar/scalar.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/requantize.inl"

// One pixel and kBlock channels at a time: their sums stay in registers. Weights are padded to whole
// blocks; activations are not, but may be read past their end (kOverread).
template <class Code>
void depthwise(const DepthwiseArgs& args) {
  constexpr size_t kBlock = 16;
  const size_t padded = (args.channels + 63) / 64 * 64;
  const Requant& requant = *args.requant;
  for (size_t x = 0; x < args.count; ++x) {
    for (size_t c0 = 0; c0 < args.channels; c0 += kBlock) {
      uint32_t sums[kBlock] = {};
      for (size_t t = 0; t < args.kh * args.kw; ++t) {
        const uint8_t* const a = args.taps[t] + x * args.step + c0;
        const int8_t* const w = args.weights + t * padded + c0;  // (kh*kw, padded)
        for (size_t c = 0; c < kBlock; ++c) sums[c] += static_cast<uint32_t>(static_cast<int16_t>(static_cast<Code>(a[c]) * w[c]));
      }
      for (size_t c = 0; c < kBlock && c0 + c < args.channels; ++c) {
        const size_t channel = c0 + c, at = x * args.out_stride + channel;
        if (requant.finish == Finish::accumulators) {
          reinterpret_cast<int32_t*>(args.out)[at] =
              static_cast<int32_t>(sums[c] + static_cast<uint32_t>(requant.bias[channel]));
        } else {
          args.out[at] = static_cast<uint8_t>(requantize(requant, channel, static_cast<int32_t>(sums[c])));
        }
      }
    }
  }
}

template void depthwise<uint8_t>(const DepthwiseArgs&);
template void depthwise<int8_t>(const DepthwiseArgs&);

}  // namespace octet::kernels::OCTET_BACKEND_NS
