// SPDX-License-Identifier: Apache-2.0
#include "kernels/saturation.h"

#include <cstring>

namespace octet::kernels {

// Products with max_code become bounds on the sums, which fit 16 bits: twice as many per vector.
SaturationCount count_unsafe_pairs(std::span<const std::int8_t> packed, int max_code) {
  constexpr int kNone = 1000;  // above any sum of two weights
  const auto most_up = static_cast<std::int16_t>(max_code == 0 ? kNone : std::min(32767 / max_code, kNone));
  const auto most_down = static_cast<std::int16_t>(max_code == 0 ? kNone : std::min(32768 / max_code, kNone));
  SaturationCount count{packed.size() / 2, 0};
  const std::int8_t* at = packed.data();
  for (std::size_t left = count.pairs; left > 0;) {
    constexpr std::size_t kMost = 1 << 14;  // fits the counter
    const std::size_t n = std::min(left, kMost);
    std::int16_t unsafe = 0;
    for (std::size_t i = 0; i < n; ++i) {
      std::int16_t pair;
      std::memcpy(&pair, at + 2 * i, sizeof(pair));
      const auto w0 = static_cast<std::int16_t>(static_cast<std::int16_t>(pair << 8) >> 8);
      const auto w1 = static_cast<std::int16_t>(pair >> 8);
      constexpr std::int16_t zero = 0;
      const auto up = static_cast<std::int16_t>(std::max(w0, zero) + std::max(w1, zero));
      const auto down = static_cast<std::int16_t>(up - w0 - w1);  // max(-w, 0) = max(w, 0) - w
      unsafe = static_cast<std::int16_t>(unsafe + (up > most_up || down > most_down));
    }
    count.unsafe += static_cast<std::size_t>(unsafe);
    at += 2 * n;
    left -= n;
  }
  return count;
}

SaturationCount count_unsafe_signed_pairs(std::span<const std::int8_t> packed) {
  SaturationCount count;
  for (std::size_t step = 0; step + 16 <= packed.size(); step += 16) {
    for (std::size_t i = step; i < step + 8; ++i) {
      ++count.pairs;
      if (!signed_pair_is_safe(packed[i], packed[i + 8])) ++count.unsafe;
    }
  }
  return count;
}

SaturationCount count_unsafe(const Gemm& gemm, std::span<const std::int8_t> packed, int max_code) {
  if (gemm.saturates == kSaturatesNot) return {};
  return gemm.saturates == kSaturatesS8 ? count_unsafe_signed_pairs(packed) : count_unsafe_pairs(packed, max_code);
}

}  // namespace octet::kernels
