// SPDX-License-Identifier: Apache-2.0
#include "kernels/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "kernels/pairing.h"
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
        for (std::size_t p = p0; p < p0 + kr; ++p) {
          std::int8_t code = 0;
          if (j < n && p < kc) {
            code = source.data[j * source.column_stride + t * source.tap_stride + p * source.p_stride];
            code = static_cast<std::int8_t>(static_cast<std::uint8_t>(code) ^ source.flip);
          }
          *out++ = code;
        }
      }
    }
  }
}

// Whether this block, packed for the fast GEMM, is exact there for every input.
SaturationCount count_in_block(const Gemm& gemm, const WeightSource& source, const WeightMatrix& weights, std::size_t n,
                               int max_code) {
  std::vector<std::int8_t> packed(block_bytes(gemm, weights.taps, weights.kc, n));
  pack_as(gemm, source, weights.taps, weights.kc, n, packed.data());
  return gemm.saturates == kSaturatesS8 ? count_unsafe_signed_pairs(packed) : count_unsafe_pairs(packed, max_code);
}

WeightSource source_of(const WeightMatrix& weights, std::size_t column) {
  return {weights.codes.data() + column * weights.k(), weights.k(), weights.kc, 1, 0};
}

// Up to here reordering a row's codes for every block of columns costs more than widening does: measured, widened is
// 1.3 times as fast at 64 products and 0.9 times at 128.
constexpr std::size_t kShortSum = 112;

// PairedBlock::work for the widened kernel: two instructions per two k, and a little for the widening.
double widened_work(const WeightMatrix& weights) {
  return 2.1 * static_cast<double>(weights.taps * ((weights.kc + 1) / 2));
}

}  // namespace

PackLayout layout_of(const Backend& backend) {
  constexpr std::uint8_t kVersion = 1;
  PackLayout layout = {kVersion};
  std::size_t at = 1;
  for (const Gemm* gemm : {&backend.gemm, &backend.gemm_exact, &backend.gemm_paired}) {
    for (const std::uint8_t field : {gemm->nr, gemm->nu, gemm->kr, gemm->widened, gemm->saturates}) {
      layout[at++] = field;
    }
  }
  return layout;
}

const Gemm& gemm_of(const Backend& backend, BlockKind kind) {
  if (kind == BlockKind::paired) return backend.gemm_paired;
  return kind == BlockKind::exact ? backend.gemm_exact : backend.gemm;
}

std::size_t block_width(const Gemm& gemm, std::size_t n) { return round_up(n, gemm.nu); }

std::size_t block_bytes(const Gemm& gemm, std::size_t taps, std::size_t kc, std::size_t n) {
  return taps * round_up(kc, gemm.kr) * block_width(gemm, n) * (gemm.widened != 0 ? 2 : 1);
}

void pack_block(const Gemm& gemm, const WeightSource& source, std::size_t taps, std::size_t kc, std::size_t n,
                void* out) noexcept {
  if (gemm.widened != 0) {
    pack_as(gemm, source, taps, kc, n, static_cast<std::int16_t*>(out));
  } else {
    pack_as(gemm, source, taps, kc, n, static_cast<std::int8_t*>(out));
  }
}

PackedWeights::PackedWeights(const Backend& backend, const WeightMatrix& weights, int max_code) {
  const Gemm& fast = backend.gemm;
  const Gemm& exact = backend.gemm_exact;
  std::map<std::size_t, PairedBlock> paired;  // by the number of the block
  const auto add_exact = [&](std::size_t group, std::size_t column, std::size_t n) {
    if (backend.gemm_paired.run != nullptr && n <= backend.gemm_paired.nr && weights.k() > kShortSum) {
      const PairedBlock block(backend.gemm_paired, source_of(weights, column), weights.taps, weights.kc, n, max_code);
      if (block.work() < widened_work(weights)) {
        paired.emplace(blocks_.size(), block);
        return add_block(backend, BlockKind::paired, group, n, block.bytes());
      }
    }
    add_block(backend, BlockKind::exact, group, n, block_bytes(exact, weights.taps, weights.kc, n));
  };
  for (std::size_t group = 0; group < weights.groups; ++group) {
    std::size_t left = weights.columns;
    for (std::size_t blocks = (left + fast.nr - 1) / fast.nr; blocks > 0; --blocks) {
      // Of nearly equal width: 144 columns are 3 times 48, not 64 + 64 + 16.
      const std::size_t n = std::min(left, round_up((left + blocks - 1) / blocks, fast.nu));
      const std::size_t column = (group + 1) * weights.columns - left;
      left -= n;
      SaturationCount count;
      if (fast.saturates != 0) count = count_in_block(fast, source_of(weights, column), weights, n, max_code);
      counted_.pairs += count.pairs;
      counted_.unsafe += count.unsafe;
      if (count.unsafe == 0) {
        add_block(backend, BlockKind::fast, group, n, block_bytes(fast, weights.taps, weights.kc, n));
        continue;
      }
      for (std::size_t j = 0; j < n; j += exact.nr) {
        add_exact(group, column + j, std::min<std::size_t>(exact.nr, n - j));
      }
    }
  }
  AlignedBytes bytes = allocate_aligned(size_ + kOverread);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    const PackedBlock& block = blocks_[i];
    if (const auto it = paired.find(i); it != paired.end()) {
      it->second.write(bytes.get() + block.offset);
    } else {
      pack_block(block.gemm, source_of(weights, block.first_column), weights.taps, weights.kc, block.columns,
                 bytes.get() + block.offset);
    }
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
  if (counted_.unsafe == 0) return {};
  const auto paired = std::ranges::count(blocks_, BlockKind::paired, &PackedBlock::kind);
  const auto widened = std::ranges::count(blocks_, BlockKind::exact, &PackedBlock::kind);
  return fmt::format(", {}widened {} of {} blocks: {:.1f}% of weight pairs may saturate",
                     paired == 0 ? "" : fmt::format("paired anew {} and ", paired), widened, blocks_.size(),
                     100.0 * static_cast<double>(counted_.unsafe) / static_cast<double>(counted_.pairs));
}

}  // namespace octet::kernels
