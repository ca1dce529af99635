// SPDX-License-Identifier: Apache-2.0
#include "kernels/saturation.h"

namespace octet::kernels {

SaturationCount count_unsafe_pairs(std::span<const std::int8_t> packed, int max_code) {
  SaturationCount count;
  for (std::size_t i = 0; i + 1 < packed.size(); i += 2) {
    ++count.pairs;
    if (!pair_is_safe(packed[i], packed[i + 1], max_code)) ++count.unsafe;
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

}  // namespace octet::kernels
