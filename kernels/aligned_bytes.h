// SPDX-License-Identifier: Apache-2.0
// Memory for packed weights: aligned for the widest vector load, all zero at first.
#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

#include "kernels/microkernels.h"

namespace octet::kernels {

struct FreeAligned {
  void operator()(std::byte* bytes) const noexcept { ::operator delete[](bytes, std::align_val_t{kWeightAlignment}); }
};
using AlignedBytes = std::unique_ptr<std::byte[], FreeAligned>;

inline AlignedBytes allocate_aligned(std::size_t size) {
  auto* bytes = static_cast<std::byte*>(::operator new[](size, std::align_val_t{kWeightAlignment}));
  std::memset(bytes, 0, size);
  return AlignedBytes(bytes);
}

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) { return (n + multiple - 1) / multiple * multiple; }

}  // namespace octet::kernels
