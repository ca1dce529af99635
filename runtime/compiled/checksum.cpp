// SPDX-License-Identifier: Apache-2.0
// Apart from the rest of its folder, which is compiled for size: this loop is most of what opening costs.
#include "runtime/compiled/checksum.h"

#include <bit>
#include <cstring>

namespace octet::runtime {
namespace {

// Invertible in both arguments: no difference is lost on the way to the end.
std::uint64_t mix(std::uint64_t lane, std::uint64_t word) { return std::rotl((lane ^ word) * 0x9E3779B97F4A7C15u, 29); }

std::uint64_t load(const std::byte* at) {
  std::uint64_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

}  // namespace

// Eight lanes, because one alone would wait for its multiplication. Written out, because no compiler is
// certain to keep an array of them in registers.
std::uint64_t checksum_of(std::span<const std::byte> bytes) noexcept {
  constexpr std::size_t kStep = 64;
  std::uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
  const auto take = [&](const std::byte* at) {
    a = mix(a, load(at));
    b = mix(b, load(at + 8));
    c = mix(c, load(at + 16));
    d = mix(d, load(at + 24));
    e = mix(e, load(at + 32));
    f = mix(f, load(at + 40));
    g = mix(g, load(at + 48));
    h = mix(h, load(at + 56));
  };
  std::size_t at = 0;
  for (; at + kStep <= bytes.size(); at += kStep) take(bytes.data() + at);
  std::byte rest[kStep] = {};
  if (at < bytes.size()) std::memcpy(rest, bytes.data() + at, bytes.size() - at);
  take(rest);
  std::uint64_t sum = bytes.size();
  for (const std::uint64_t lane : {a, b, c, d, e, f, g, h}) sum = mix(sum, lane);
  return sum;
}

}  // namespace octet::runtime
