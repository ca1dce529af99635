// SPDX-License-Identifier: Apache-2.0
// Exactness at nearly the speed of the fast kernel. vpmaddubsw adds two products in 16 bits, which
// is exact for a pair of weights that kernels/saturation.h proves safe. In trained networks few
// neighbours are not, but a block of columns has so many pairs that some always fail. Which k makes
// a pair with which is free, however, as long as the codes are put in the same order: so each
// window of 16 consecutive k is paired anew, such that every pair is safe in every column of the
// block. A k that finds no partner is paired with nothing (a weight of 0 is always safe); where a
// window has no room for that, the k moves to a few extra entries at the end, and finds one there.
//
// The kernel rearranges each row's codes with one vpshufb for two windows, once per tile and block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/pack.h"

namespace octet::kernels {

// The weights of one block of columns for Backend::gemm_paired. As the kernel reads them, each part
// padded to 64 bytes:
//   extras    int32: how many extra entries, a multiple of 4
//   places    (extras, 2) int32: tap and k whose code an extra entry takes
//   controls  (taps, ceil(kc/32), 32): which of its window's 16 codes an entry takes; 0x80: none, a code of 0
//   weights   (taps, ceil(kc/4), block width, 4) int8, entry by entry, then (extras/4, block width, 4)
class PairedBlock {
 public:
  // Holds on to what `source` points to.
  PairedBlock(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
              int max_code);

  // Instructions per row and vector of columns: three per group of four entries and a little for the
  // rearranging; as much again for extras, which are gathered one by one.
  double work() const {
    return 3.2 * static_cast<double>(entries_.size()) / 4 + 6.4 * static_cast<double>(extras_.size()) / 4;
  }
  std::size_t bytes() const;
  void write(void* out) const;  // bytes() of them, aligned to kWeightAlignment, zero before

  // The weights within a block that was written before, if `block` begins with one of this shape whose
  // places all exist: nothing else in it is followed anywhere. It ends where they do.
  static std::optional<std::span<const std::int8_t>> weights_in(std::span<const std::byte> block, const Gemm& gemm,
                                                                std::size_t taps, std::size_t kc, std::size_t n);

 private:
  struct Place {
    std::int32_t tap, k;  // k: -1 for none
  };
  std::size_t steps() const { return (entries_.size() + extras_.size()) / 4; }  // groups of four entries
  int weight(std::size_t column, Place place) const;
  bool is_safe(Place a, Place b) const;
  void pair_window(Place first);
  void pair_extras(std::vector<Place> alone);

  WeightSource source_;
  std::size_t width_, taps_, kc_, n_;
  int max_code_;
  std::vector<Place> entries_;  // (taps, ceil(kc/4) * 4)
  std::vector<Place> extras_;
};

}  // namespace octet::kernels
