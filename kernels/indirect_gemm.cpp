// SPDX-License-Identifier: Apache-2.0
#include "kernels/indirect_gemm.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace octet::kernels {
namespace {

// Pointers to pixels are kept in a table where little is multiplied per pointer: making one takes as long as some hundred
// products. Others are made chunk by chunk while running, for less than half a percent of the time, and take no memory.
// So are those of large images: a table streams through the caches once per pass.
constexpr std::int64_t kTableBytes = 4 << 20;
constexpr double kMacsPerPointer = 2048;
// The left operand's share of the second-level cache: a chunk of rows stays there while every
// block of weights passes over it.
constexpr std::int64_t kChunkBytes = 256 << 10;
// A block of columns writes a part of every output row. Beyond this many bytes of rows, the next block would find
// neither their lines in the second-level cache nor, with rows as long as a page, their pages in the TLB.
constexpr std::int64_t kOutputBytes = 512 << 10;
// Pointers made per chunk stay in the first-level cache.
constexpr std::int64_t kPointersPerChunk = 2048;

class IndirectGemm final : public Prepared {
 public:
  IndirectGemm(const OpContext& ctx, const ConvGeometry& g, PackedGemm gemm, std::string label)
      : g_(g),
        gemm_(std::move(gemm)),
        label_(std::move(label)),
        zero_row_(static_cast<std::size_t>(g.in_channels) + kOverread,
                  static_cast<std::uint8_t>(ctx.inputs[0].quant->zero_point[0])) {
    const std::int64_t pixels = g.pixels(), taps = g.taps();
    const std::int64_t input_bytes = g.batch * g.in[0] * g.in[1] * g.in_channels;
    const auto blocks = static_cast<std::int64_t>(gemm_.blocks());
    const double macs_per_row = pixels == 0 ? 0 : g.macs() / static_cast<double>(pixels);
    slices_ = slices_for(pixels, macs_per_row, ctx.threads);
    // Either every slice reads all weights and its own rows, or all rows and its own weights: let
    // the larger operand be read only once.
    by_blocks_ = blocks >= slices_ && static_cast<std::int64_t>(gemm_.weight_bytes()) > input_bytes;
    if (!by_blocks_ && slices_ > pixels) slices_ = static_cast<int>(std::max<std::int64_t>(pixels, 1));

    const std::int64_t row_bytes = std::max<std::int64_t>(pixels == 0 ? 0 : input_bytes / pixels, 1);
    const auto mr = static_cast<std::int64_t>(gemm_.mr());
    const auto output_bytes = static_cast<std::int64_t>(std::max<std::size_t>(gemm_.columns() * gemm_.out_size(), 1));
    const std::int64_t rows = std::min(kChunkBytes / row_bytes, blocks == 1 ? pixels : kOutputBytes / output_bytes);
    chunk_ = std::clamp<std::int64_t>(rows / mr * mr, 4 * mr, 4096 / mr * mr);
    use_table_ = (taps == 1 || macs_per_row < kMacsPerPointer * static_cast<double>(taps)) &&
                 pixels <= kTableBytes / static_cast<std::int64_t>(sizeof(void*)) / taps;
    if (pointer_bytes() > 0) chunk_ = std::min(chunk_, std::max(mr, kPointersPerChunk / taps / mr * mr));
  }

  std::size_t table_bytes() const override {
    return use_table_ ? static_cast<std::size_t>(g_.pixels() * g_.taps()) * sizeof(table_[0]) : 0;
  }
  void bind(const Io& io) override {
    if (!use_table_) return;
    table_.resize(static_cast<std::size_t>(g_.pixels() * g_.taps()));
    fill_indirection(g_, 0, g_.pixels(), io.input<std::uint8_t>(0), zero_row_.data(), table_.data());
  }

  std::size_t scratch_bytes() const override { return pointer_bytes(); }
  int slices() const override { return slices_; }

  void run(const Io& io, int slice) const noexcept override {
    std::byte* const scratch = io.scratch + static_cast<std::size_t>(slice) * scratch_bytes();
    auto** const pointers = reinterpret_cast<const std::uint8_t**>(scratch);
    const Range all_rows{0, g_.pixels()}, all_blocks{0, static_cast<std::int64_t>(gemm_.blocks())};
    const auto mr = static_cast<std::int64_t>(gemm_.mr());
    const Range tiles = share_of((all_rows.last + mr - 1) / mr, slice, slices_);
    const Range rows = by_blocks_ ? all_rows : Range{tiles.first * mr, std::min(tiles.last * mr, all_rows.last)};
    const Range blocks = by_blocks_ ? share_of(all_blocks.last, slice, slices_) : all_blocks;
    // Of nearly equal height: 128 rows are 66 and 62, not 126 and a slow 2.
    const std::int64_t chunks = (rows.last - rows.first + chunk_ - 1) / chunk_;
    for (std::int64_t row = rows.first, left = chunks; left > 0; --left) {
      const auto even = static_cast<std::size_t>((rows.last - row + left - 1) / left);
      const Range chunk{row, std::min(row + static_cast<std::int64_t>(round_up(even, gemm_.mr())), rows.last)};
      run_chunk(io, chunk, blocks, pointers);
      row = chunk.last;
    }
  }

  std::string kernel() const override { return label_ + gemm_.note(); }
  std::size_t weight_bytes() const override { return gemm_.weight_bytes(); }
  double macs() const override { return g_.macs(); }

 private:
  // Pointers are made per chunk where there is no table, and moved to the group's channels where
  // there are groups.
  std::size_t pointer_bytes() const {
    if (use_table_ && gemm_.groups() == 1) return 0;
    return round_up(static_cast<std::size_t>(chunk_) * gemm_.taps() * sizeof(void*), 64);
  }

  // Padding that need not be multiplied: a code of 0 is a zero point of 0. Groups have their own pointers into it.
  const std::uint8_t* zeros() const {
    return zero_row_.front() == 0 && gemm_.groups() == 1 ? zero_row_.data() : nullptr;
  }

  void run_chunk(const Io& io, Range rows, Range blocks, const std::uint8_t** pointers) const noexcept {
    const auto first = static_cast<std::size_t>(rows.first), m = static_cast<std::size_t>(rows.last - rows.first);
    const std::size_t stride = gemm_.columns();
    const std::uint8_t* const* source = pointers;
    if (!use_table_) {
      fill_indirection(g_, rows.first, rows.last, io.input<std::uint8_t>(0), zero_row_.data(), pointers);
    } else if (gemm_.groups() > 1) {
      std::copy_n(table_.data() + first * gemm_.taps(), m * gemm_.taps(), pointers);
    } else {
      source = table_.data() + first * gemm_.taps();
    }
    gemm_.run(static_cast<std::size_t>(blocks.first), static_cast<std::size_t>(blocks.last),
              {.pointers = source,
               .m = m,
               .out = io.outputs[0] + first * stride * gemm_.out_size(),
               .out_stride = stride,
               .residual = gemm_.has_add() ? io.input<std::uint8_t>(3) + first * stride : nullptr,
               .residual_stride = stride,
               .zeros = zeros()},
              pointers);
  }

  ConvGeometry g_;
  PackedGemm gemm_;
  std::string label_;
  std::vector<std::uint8_t> zero_row_;      // in_channels zero points, and what may be read past them
  std::vector<const std::uint8_t*> table_;  // (pixels, taps), if it pays
  int slices_ = 1;
  bool by_blocks_ = false, use_table_ = true;
  std::int64_t chunk_ = 1;  // rows at a time
};

}  // namespace

PreparedOp make_indirect_gemm(const OpContext& ctx, const ConvGeometry& g, PackedGemm gemm, std::string label) {
  return std::make_unique<IndirectGemm>(ctx, g, std::move(gemm), fmt::format("{} {}", ctx.backend.name, label));
}

}  // namespace octet::kernels
