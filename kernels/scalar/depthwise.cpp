// SPDX-License-Identifier: Apache-2.0
#include "kernels/scalar/scalar.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/requantize.inl"

namespace {

// Output pixel x of row y, channels [c0, c0 + kBlock): their sums stay in registers. Weights are
// padded to whole blocks; activations are not, but may be read past their end (kOverread).
constexpr size_t kBlock = 16;

template <class Code>
void block_of_channels(const DepthwiseArgs& args, size_t y, size_t x, size_t c0) {
  const size_t padded = (args.channels + 63) / 64 * 64;
  const size_t taps = args.kh * args.kw;
  uint32_t sums[kBlock] = {};
  for (size_t t = 0; t < taps; ++t) {
    const uint8_t* const a = args.taps[y * taps + t] + x * args.step + c0;
    const int8_t* const w = args.weights + t * padded + c0;  // (kh*kw, padded)
    for (size_t c = 0; c < kBlock; ++c) {
      // A product of two codes fits 16 bits: |255 * -128| < 2^15. Sums wrap mod 2^32, as the bias does.
      const int16_t product = static_cast<int16_t>(static_cast<Code>(a[c]) * w[c]);
      sums[c] += static_cast<uint32_t>(product);
    }
  }
  const Requant& requant = *args.requant;
  for (size_t c = 0; c < kBlock && c0 + c < args.channels; ++c) {
    const size_t channel = c0 + c, at = y * args.out_row_stride + x * args.out_stride + channel;
    if (requant.finish == Finish::accumulators) {
      reinterpret_cast<int32_t*>(args.out)[at] =
          static_cast<int32_t>(sums[c] + static_cast<uint32_t>(requant.bias[channel]));
    } else {
      args.out[at] = static_cast<uint8_t>(requantize(requant, channel, static_cast<int32_t>(sums[c])));
    }
  }
}

}  // namespace

template <class Code>
void depthwise(const DepthwiseArgs& args) {
  for (size_t y = 0; y < args.rows; ++y) {
    for (size_t x = 0; x < args.count; ++x) {
      for (size_t c0 = 0; c0 < args.channels; c0 += kBlock) block_of_channels<Code>(args, y, x, c0);
    }
  }
}

template void depthwise<uint8_t>(const DepthwiseArgs&);
template void depthwise<int8_t>(const DepthwiseArgs&);

}  // namespace octet::kernels::OCTET_BACKEND_NS
