// SPDX-License-Identifier: Apache-2.0
// Lifetimes in, offsets out; a pure function.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace octet::runtime {

constexpr std::size_t kArenaAlignment = 64;

// A buffer that is live from step `first` to step `last`, both included.
struct Lifetime {
  std::size_t bytes;
  std::int32_t first, last;
};

struct MemoryPlan {
  std::vector<std::size_t> offsets;  // one per lifetime, multiples of kArenaAlignment
  std::size_t total = 0;
};

// No two buffers that are live at the same step overlap. Greedy: largest first, each into the
// lowest gap that fits between the already placed buffers it meets in time.
MemoryPlan plan_memory(std::span<const Lifetime> lifetimes);

}  // namespace octet::runtime
