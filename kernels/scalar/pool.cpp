// SPDX-License-Identifier: Apache-2.0
#include "kernels/scalar/scalar.h"

namespace octet::kernels::OCTET_BACKEND_NS {

#include "kernels/requantize.inl"

template <class Code>
void max_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, uint8_t* out) {
  for (size_t c = 0; c < channels; ++c) {
    Code best = static_cast<Code>(taps[0][c]);
    for (size_t t = 1; t < n_taps; ++t) {
      const Code code = static_cast<Code>(taps[t][c]);
      best = code > best ? code : best;
    }
    out[c] = static_cast<uint8_t>(best);
  }
}

// Channels in blocks of 64, so that each tap is read along its row and not once per channel.
template <class Code>
void avg_pool(const uint8_t* const* taps, size_t n_taps, size_t channels, const Requant& requant, uint8_t* out) {
  constexpr size_t kBlock = 64;
  for (size_t first = 0; first < channels; first += kBlock) {
    const size_t block = channels - first < kBlock ? channels - first : kBlock;
    uint32_t sum[kBlock] = {};  // mod 2^32; the true sum with its bias fits int32
    for (size_t t = 0; t < n_taps; ++t) {
      for (size_t c = 0; c < block; ++c) sum[c] += static_cast<uint32_t>(static_cast<Code>(taps[t][first + c]));
    }
    for (size_t c = 0; c < block; ++c) {
      out[first + c] = static_cast<uint8_t>(requantize(requant, 0, static_cast<int32_t>(sum[c])));
    }
  }
}

template void max_pool<uint8_t>(const uint8_t* const*, size_t, size_t, uint8_t*);
template void max_pool<int8_t>(const uint8_t* const*, size_t, size_t, uint8_t*);
template void avg_pool<uint8_t>(const uint8_t* const*, size_t, size_t, const Requant&, uint8_t*);
template void avg_pool<int8_t>(const uint8_t* const*, size_t, size_t, const Requant&, uint8_t*);

}  // namespace octet::kernels::OCTET_BACKEND_NS
