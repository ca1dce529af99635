// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory_planner.h"

#include <algorithm>
#include <numeric>

namespace octet::runtime {
namespace {

std::size_t rounded(std::size_t bytes) { return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment; }

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes) {
  MemoryPlan plan;
  plan.offsets.assign(lifetimes.size(), 0);
  std::vector<std::size_t> order(lifetimes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{}, [&](std::size_t i) { return lifetimes[i].bytes; });

  struct Block {
    std::size_t begin, end;
  };
  std::vector<std::size_t> placed;
  std::vector<Block> neighbours;
  for (std::size_t i : order) {
    const Lifetime& mine = lifetimes[i];
    neighbours.clear();
    for (std::size_t j : placed) {
      const Lifetime& other = lifetimes[j];
      if (other.first <= mine.last && mine.first <= other.last) {
        neighbours.push_back({plan.offsets[j], plan.offsets[j] + rounded(other.bytes)});
      }
    }
    std::ranges::sort(neighbours, std::less{}, &Block::begin);
    std::size_t offset = 0;
    for (const Block& block : neighbours) {
      if (offset + rounded(mine.bytes) <= block.begin) break;
      offset = std::max(offset, block.end);
    }
    plan.offsets[i] = offset;
    plan.total = std::max(plan.total, offset + rounded(mine.bytes));
    placed.push_back(i);
  }
  return plan;
}

}  // namespace octet::runtime
