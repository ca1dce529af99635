// SPDX-License-Identifier: Apache-2.0
#include "kernels/pairing.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "kernels/saturation.h"

namespace octet::kernels {
namespace {

constexpr std::size_t kWindow = 16, kVector = 32;
constexpr std::uint8_t kNoCode = 0x80;

constexpr std::size_t kPlacesAt = kWeightAlignment;

// Where the parts behind the places begin.
struct Parts {
  std::size_t controls, weights;
  Parts(std::size_t taps, std::size_t kc, std::size_t extras)
      : controls(kPlacesAt + round_up(extras * 2 * sizeof(std::int32_t), kWeightAlignment)),
        weights(controls + round_up(taps * round_up(kc, kVector), kWeightAlignment)) {}
};

// Pairs of nodes 0 .. n-1, and {node, node} for those left alone, last. partners[i]: a bit per node
// that i may be paired with. Who has the fewest partners left chooses first, and takes whoever has
// the fewest: on graphs this small that almost always finds as many pairs as there can be.
std::vector<std::array<std::size_t, 2>> match(const std::array<std::uint32_t, kWindow>& partners, std::size_t n) {
  std::vector<std::array<std::size_t, 2>> pairs;
  std::uint32_t free = (std::uint32_t{1} << n) - 1;
  const auto take_fewest = [&](std::uint32_t among) {
    std::size_t best = n;
    for (std::size_t i = 0; i < n; ++i) {
      if ((among >> i & 1) == 0) continue;
      if (best == n || std::popcount(partners[i] & free) < std::popcount(partners[best] & free)) best = i;
    }
    free &= ~(std::uint32_t{1} << best);
    return best;
  };
  while (free != 0) {
    const std::size_t one = take_fewest(free);
    const std::uint32_t candidates = partners[one] & free;
    pairs.push_back({one, candidates == 0 ? one : take_fewest(candidates)});
  }
  std::stable_partition(pairs.begin(), pairs.end(), [](const auto& pair) { return pair[0] != pair[1]; });
  return pairs;
}

}  // namespace

PairedBlock::PairedBlock(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
                         int max_code)
    : source_(source), width_(block_width(gemm, n)), taps_(taps), kc_(kc), n_(n), max_code_(max_code) {
  for (std::size_t tap = 0; tap < taps; ++tap) {
    for (std::size_t k = 0; k < kc; k += kWindow) {
      pair_window({static_cast<std::int32_t>(tap), static_cast<std::int32_t>(k)});
    }
  }
  pair_extras(std::move(extras_));
}

int PairedBlock::weight(std::size_t column, Place place) const {
  if (place.k < 0 || column >= n_) return 0;
  const std::int8_t code =
      source_.data[column * source_.column_stride + static_cast<std::size_t>(place.tap) * source_.tap_stride +
                   static_cast<std::size_t>(place.k) * source_.p_stride];
  return static_cast<std::int8_t>(static_cast<std::uint8_t>(code) ^ source_.flip);
}

bool PairedBlock::is_safe(Place a, Place b) const {
  for (std::size_t j = 0; j < n_; ++j) {
    if (!pair_is_safe(weight(j, a), weight(j, b), max_code_)) return false;
  }
  return true;
}

// The entries of one window, as many as it has k (rounded up to a step); who finds no room becomes an extra.
void PairedBlock::pair_window(Place first) {
  const std::size_t n = std::min(kWindow, kc_ - static_cast<std::size_t>(first.k));
  const auto place = [&](std::size_t i) { return Place{first.tap, first.k + static_cast<std::int32_t>(i)}; };
  std::array<std::uint32_t, kWindow> partners{};
  for (std::size_t a = 0; a < n; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      if (!is_safe(place(a), place(b))) continue;
      partners[a] |= std::uint32_t{1} << b;
      partners[b] |= std::uint32_t{1} << a;
    }
  }
  const std::size_t end = entries_.size() + round_up(n, 4);
  for (const auto& [one, other] : match(partners, n)) {
    if (entries_.size() == end) {
      extras_.push_back(place(one));
    } else {
      entries_.push_back(place(one));
      entries_.push_back(one == other ? Place{first.tap, -1} : place(other));
    }
  }
  entries_.resize(end, Place{first.tap, -1});
}

// Extras come from everywhere, so the first safe partner among the next few will do.
void PairedBlock::pair_extras(std::vector<Place> alone) {
  constexpr std::size_t kTries = 64;
  extras_.clear();
  for (std::size_t i = 0; i < alone.size(); ++i) {
    if (alone[i].k < 0) continue;
    extras_.push_back(alone[i]);
    extras_.push_back({0, -1});
    for (std::size_t j = i + 1; j < alone.size() && j < i + kTries; ++j) {
      if (alone[j].k < 0 || !is_safe(alone[i], alone[j])) continue;
      extras_.back() = alone[j];
      alone[j].k = -1;
      break;
    }
  }
  extras_.resize(round_up(extras_.size(), 4), {0, -1});
}

std::size_t PairedBlock::bytes() const {
  return Parts(taps_, kc_, extras_.size()).weights + (entries_.size() + extras_.size()) * width_;
}

void PairedBlock::write(void* out) const {
  auto* const bytes = static_cast<std::uint8_t*>(out);
  const Parts parts(taps_, kc_, extras_.size());
  const auto count = static_cast<std::int32_t>(extras_.size());
  std::memcpy(bytes, &count, sizeof(count));
  for (std::size_t e = 0; e < extras_.size(); ++e) {
    const std::int32_t place[] = {extras_[e].tap, std::max(extras_[e].k, 0)};  // of no k: any, its weights are 0
    std::memcpy(bytes + kPlacesAt + e * sizeof(place), place, sizeof(place));
  }
  const std::size_t per_tap = round_up(kc_, 4);
  for (std::size_t e = 0; e < entries_.size(); ++e) {
    const std::int32_t k = entries_[e].k;
    bytes[parts.controls + e / per_tap * round_up(kc_, kVector) + e % per_tap] =
        k < 0 ? kNoCode : static_cast<std::uint8_t>(static_cast<std::size_t>(k) % kWindow);
  }
  std::uint8_t* next = bytes + parts.weights;
  for (std::size_t step = 0; step < steps(); ++step) {
    for (std::size_t j = 0; j < width_; ++j) {
      for (std::size_t e = 4 * step; e < 4 * step + 4; ++e) {
        const Place place = e < entries_.size() ? entries_[e] : extras_[e - entries_.size()];
        *next++ = static_cast<std::uint8_t>(weight(j, place));
      }
    }
  }
}

std::optional<std::span<const std::int8_t>> PairedBlock::weights_in(std::span<const std::byte> block, const Gemm& gemm,
                                                                    std::size_t taps, std::size_t kc, std::size_t n) {
  if (block.size() < kPlacesAt) return std::nullopt;
  std::int32_t count;
  std::memcpy(&count, block.data(), sizeof(count));
  if (count < 0 || count % 4 != 0) return std::nullopt;
  const auto extras = static_cast<std::size_t>(count);
  const Parts parts(taps, kc, extras);
  const std::size_t size = (taps * round_up(kc, 4) + extras) * block_width(gemm, n);
  if (parts.weights > block.size() || size > block.size() - parts.weights) return std::nullopt;
  for (std::size_t e = 0; e < extras; ++e) {
    std::int32_t place[2];
    std::memcpy(place, block.data() + kPlacesAt + e * sizeof(place), sizeof(place));
    if (place[0] < 0 || static_cast<std::size_t>(place[0]) >= taps) return std::nullopt;
    if (place[1] < 0 || static_cast<std::size_t>(place[1]) >= kc) return std::nullopt;
  }
  return std::span(reinterpret_cast<const std::int8_t*>(block.data() + parts.weights), size);
}

}  // namespace octet::kernels
