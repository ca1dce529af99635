// SPDX-License-Identifier: Apache-2.0
#include "runtime/memory_planner.h"

#include <random>

#include "tests/support/catch.h"

using octet::runtime::kArenaAlignment;
using octet::runtime::Lifetime;
using octet::runtime::plan_memory;

TEST_CASE("buffers that live at the same time never overlap") {
  std::mt19937 random(7);
  for (int round = 0; round < 200; ++round) {
    std::vector<Lifetime> lifetimes(1 + random() % 40);
    for (Lifetime& life : lifetimes) {
      life.first = static_cast<int>(random() % 20);
      life.last = life.first + static_cast<int>(random() % 6);
      life.bytes = random() % 5000;
    }
    const auto plan = plan_memory(lifetimes);
    REQUIRE(plan.offsets.size() == lifetimes.size());
    for (std::size_t i = 0; i < lifetimes.size(); ++i) {
      REQUIRE(plan.offsets[i] % kArenaAlignment == 0);
      REQUIRE(plan.offsets[i] + lifetimes[i].bytes <= plan.total);
      for (std::size_t j = 0; j < i; ++j) {
        const bool meet = lifetimes[i].first <= lifetimes[j].last && lifetimes[j].first <= lifetimes[i].last;
        const bool apart = plan.offsets[i] + lifetimes[i].bytes <= plan.offsets[j] ||
                           plan.offsets[j] + lifetimes[j].bytes <= plan.offsets[i];
        REQUIRE((!meet || apart));
      }
    }
  }
}

TEST_CASE("a chain of equal buffers needs the room of two") {
  std::vector<Lifetime> chain;
  for (int i = 0; i < 10; ++i) chain.push_back({1024, i, i + 1});
  CHECK(plan_memory(chain).total == 2048);
}

TEST_CASE("nothing to place needs no memory") { CHECK(plan_memory({}).total == 0); }
