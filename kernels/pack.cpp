// SPDX-License-Identifier: Apache-2.0
#include "kernels/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "kernels/corrected_block.h"
#include "kernels/saturation.h"

namespace octet::kernels {
namespace {

template <class Weight>
void pack_as(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
             Weight* out) {
  const std::size_t width = block_width(gemm, n), kr = gemm.kr;
  for (std::size_t t = 0; t < taps; ++t) {
    for (std::size_t p0 = 0; p0 < kc; p0 += kr) {
      for (std::size_t j = 0; j < width; ++j) {
        for (std::size_t p = p0; p < p0 + kr; ++p) *out++ = j < n && p < kc ? source.at(j, t, p) : std::int8_t{0};
      }
    }
  }
}

// The pairs of products that this GEMM, which takes plain codes, would add in 16 bits.
SaturationCount count_in_block(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc,
                               std::size_t n, int max_code) {
  if (gemm.saturates == kSaturatesNot) return {};
  std::vector<std::int8_t> packed(block_bytes(gemm, taps, kc, n));
  pack_as(gemm, source, taps, kc, n, packed.data());
  return count_unsafe(gemm, packed, max_code);
}

WeightSource source_of(const WeightMatrix& weights, std::size_t column) {
  return {weights.codes.data() + column * weights.k(), weights.k(), weights.kc, 1, 0};
}

bool is_corrected(const Gemm& gemm) { return gemm.packing == kPackComplement || gemm.packing == kPackQuads; }

// A step of quads takes as long as two fast ones less a 25th (measured), so half a step that multiplies zeros is too
// much.
bool quads_pay(std::size_t kc) {
  const std::size_t fast_steps = (kc + 3) / 4;
  return fast_steps % 2 == 0 || fast_steps > 24;
}

}  // namespace

PackLayout layout_of(const Backend& backend) {
  constexpr std::uint8_t kVersion = 2;
  PackLayout layout = {kVersion};
  std::size_t at = 1;
  for (const BlockKind kind : kBlockKinds) {
    const Gemm& gemm = gemm_of(backend, kind);
    for (const std::uint8_t field : {gemm.nr, gemm.nu, gemm.kr, std::uint8_t{gemm.packing}, gemm.saturates}) {
      layout[at++] = field;
    }
  }
  return layout;
}

const Gemm& gemm_of(const Backend& backend, BlockKind kind) {
  const Gemm* const gemms[] = {&backend.gemm, &backend.gemm_exact, &backend.gemm_complement, &backend.gemm_quads};
  return *gemms[static_cast<std::size_t>(kind)];
}

std::size_t block_width(const Gemm& gemm, std::size_t n) { return round_up(n, gemm.nu); }

std::size_t block_bytes(const Gemm& gemm, std::size_t taps, std::size_t kc, std::size_t n) {
  if (is_corrected(gemm)) return corrected_bytes(gemm, taps, kc, n);
  return taps * round_up(kc, gemm.kr) * block_width(gemm, n) * (gemm.packing == kPackWords ? 2 : 1);
}

bool can_pack(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
              int max_code) {
  if (is_corrected(gemm)) return can_correct(gemm, source, taps, kc, n, max_code);
  return count_in_block(gemm, source, taps, kc, n, max_code).unsafe == 0;
}

void pack_block(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
                int max_code, void* out) noexcept {
  if (is_corrected(gemm)) {
    pack_corrected(gemm, source, taps, kc, n, max_code, out);
  } else if (gemm.packing == kPackWords) {
    pack_as(gemm, source, taps, kc, n, static_cast<std::int16_t*>(out));
  } else {
    pack_as(gemm, source, taps, kc, n, static_cast<std::int8_t*>(out));
  }
}

PackedWeights::PackedWeights(const Backend& backend, const WeightMatrix& weights, int max_code) {
  const Gemm& fast = backend.gemm;
  const auto kind_of = [&](std::size_t column, std::size_t n, bool fast_is_exact) {
    const auto serves = [&](const Gemm& gemm) {
      return gemm.run != nullptr && can_pack(gemm, source_of(weights, column), weights.taps, weights.kc, n, max_code);
    };
    if (quads_pay(weights.kc) && serves(backend.gemm_quads)) return BlockKind::quads;
    if (fast_is_exact) return BlockKind::fast;
    return serves(backend.gemm_complement) ? BlockKind::complement : BlockKind::exact;
  };
  for (std::size_t group = 0; group < weights.groups; ++group) {
    std::size_t left = weights.columns;
    for (std::size_t blocks = (left + fast.nr - 1) / fast.nr; blocks > 0; --blocks) {
      // Of nearly equal width: 144 columns are 3 times 48, not 64 + 64 + 16.
      const std::size_t n = std::min(left, round_up((left + blocks - 1) / blocks, fast.nu));
      const std::size_t column = (group + 1) * weights.columns - left;
      left -= n;
      const SaturationCount count =
          count_in_block(fast, source_of(weights, column), weights.taps, weights.kc, n, max_code);
      counted_.pairs += count.pairs;
      counted_.unsafe += count.unsafe;
      const BlockKind kind = kind_of(column, n, count.unsafe == 0);
      const Gemm& gemm = gemm_of(backend, kind);
      for (std::size_t j = 0; j < n; j += gemm.nr) {
        const std::size_t columns = std::min<std::size_t>(gemm.nr, n - j);
        add_block(backend, kind, group, columns, block_bytes(gemm, weights.taps, weights.kc, columns));
      }
    }
  }
  AlignedBytes bytes = allocate_aligned(size_ + kOverread);
  for (const PackedBlock& block : blocks_) {
    pack_block(block.gemm, source_of(weights, block.first_column), weights.taps, weights.kc, block.columns, max_code,
               bytes.get() + block.offset);
  }
  bytes_ = std::move(bytes);
}

// Blocks come in the order of their columns.
void PackedWeights::add_block(const Backend& backend, BlockKind kind, std::size_t group, std::size_t columns,
                              std::size_t bytes) {
  const std::size_t first = blocks_.empty() ? 0 : blocks_.back().first_column + blocks_.back().columns;
  blocks_.push_back({gemm_of(backend, kind), kind, group, first, columns, size_});
  size_ += round_up(bytes, kWeightAlignment);
}

std::string PackedWeights::note() const {
  constexpr std::pair<BlockKind, std::string_view> kNames[] = {
      {BlockKind::quads, "quads"}, {BlockKind::complement, "complemented"}, {BlockKind::exact, "widened"}};
  std::string note;
  for (const auto& [kind, name] : kNames) {
    const auto blocks = std::ranges::count(blocks_, kind, &PackedBlock::kind);
    if (blocks != 0) note += fmt::format(", {} {}", name, blocks);
  }
  if (!note.empty()) note += fmt::format(" of {} blocks", blocks_.size());
  if (counted_.unsafe == 0) return note;
  return note + fmt::format(": {:.1f}% of weight pairs may saturate",
                            100.0 * static_cast<double>(counted_.unsafe) / static_cast<double>(counted_.pairs));
}

}  // namespace octet::kernels
