// SPDX-License-Identifier: Apache-2.0
// The GEMM sums x * (w - zw) over a receptive field that is zx outside the image. What is missing, -zx * sum of
// (w - zw), is the same for every row and made anew for each run, as are the factors sx * sw.
#include "kernels/dynamic_product.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/codes.h"
#include "kernels/epilogue.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kChunkBytes = 128 << 10;   // of the left operand: stays in the second-level cache
constexpr std::int64_t kPointersPerChunk = 2048;  // stay in the first
constexpr std::size_t kPadding = 256;             // no block is wider than Gemm::nr can say

class DynamicProduct final : public Prepared {
 public:
  DynamicProduct(const OpContext& ctx, const ConvGeometry& g, const WeightMatrix& weights, const WeightQuant& quant,
                 std::span<const ColumnSums> sums, const graph::Clamp& clamp, std::string_view label)
      : g_(g),
        clamp_(clamp),
        x_is_signed_(ctx.inputs[0].dtype == DType::s8),
        flip_(ctx.inputs[0].dtype == dtype_of(ctx.backend.activation) ? 0 : 0x80),
        columns_(weights.all_columns()),
        weights_(ctx.backend, weights, 255),
        has_scale_(ctx.has_input(3)),
        kernel_(fmt::format("{} {}", ctx.backend.name, label)) {
    accumulators_.resize(columns_);
    accumulators_.finish = Finish::accumulators;
    for (std::size_t j = 0; j < columns_; ++j) {
      const auto k = static_cast<std::int64_t>(weights.k());
      sums_.push_back(static_cast<std::int32_t>(sums[j].codes - k * quant.zero_point[j]));
      weight_scale_.push_back(quant.scale[j]);
      if (quant.zero_point[j] != 0) weight_zero_.resize(columns_ + kPadding);
    }
    if (!weight_zero_.empty()) std::ranges::copy(quant.zero_point, weight_zero_.begin());
    if (ctx.has_input(4)) {
      const auto bias = ctx.inputs[4].constant_as<float>();
      bias_.assign(bias.begin(), bias.end());
    }
    const std::int64_t pixels = g.pixels();
    slices_ = slices_for(pixels, pixels == 0 ? 0 : g.macs() / static_cast<double>(pixels), ctx.threads);
    by_blocks_ = weights_.blocks().size() >= static_cast<std::size_t>(slices_) &&
                 static_cast<std::int64_t>(weights_.size()) > input_bytes();
    const std::int64_t row_bytes = std::max<std::int64_t>(pixels == 0 ? 0 : input_bytes() / pixels, 1);
    const std::int64_t mr = ctx.backend.gemm.mr;
    chunk_ = std::max(std::min(kChunkBytes / row_bytes, kPointersPerChunk / g.taps()) / mr * mr, 4 * mr);
  }

  int slices() const override { return slices_; }
  std::size_t scratch_bytes() const override {
    return 2 * column_bytes() + zero_row_bytes() + pointer_bytes() + flipped_bytes();
  }
  std::string kernel() const override { return kernel_ + weights_.note(); }
  std::size_t weight_bytes() const override { return weights_.size(); }
  double macs() const override { return g_.macs(); }

  void run(const Io& io, int slice) const noexcept override {
    std::byte* next = io.scratch + static_cast<std::size_t>(slice) * scratch_bytes();
    const auto take = [&next](std::size_t bytes) { return std::exchange(next, next + bytes); };
    Run run{.bias = reinterpret_cast<std::int32_t*>(take(column_bytes())),
            .factor = reinterpret_cast<float*>(take(column_bytes())),
            .zero_row = reinterpret_cast<std::uint8_t*>(take(zero_row_bytes())),
            .pointers = reinterpret_cast<const std::uint8_t**>(take(pointer_bytes())),
            .x = io.input<std::uint8_t>(0),
            .out = io.output<float>()};
    if (flip_ != 0) {
      auto* const flipped = reinterpret_cast<std::uint8_t*>(take(flipped_bytes()));
      for (std::int64_t i = 0; i < input_bytes(); ++i) flipped[i] = run.x[i] ^ flip_;
      run.x = flipped;
    }
    const auto zero = static_cast<std::uint8_t>(*io.input<std::uint8_t>(1) ^ flip_);
    std::memset(run.zero_row, zero, zero_row_bytes());
    make_constants(run, x_is_signed_ != (flip_ != 0) ? static_cast<std::int8_t>(zero) : zero,
                   has_scale_ ? *io.input<float>(3) : 1.0F);

    const Range all_rows{0, g_.pixels()}, all_blocks{0, static_cast<std::int64_t>(weights_.blocks().size())};
    const Range rows = by_blocks_ ? all_rows : share_of(all_rows.last, slice, slices_);
    const Range blocks = by_blocks_ ? share_of(all_blocks.last, slice, slices_) : all_blocks;
    for (std::int64_t row = rows.first; row < rows.last; row += chunk_)
      run_chunk(run, {row, std::min(row + chunk_, rows.last)}, blocks);
  }

 private:
  // What one slice of one run works with.
  struct Run {
    std::int32_t* bias;             // (columns, padded): -zx * sum of (w - zw)
    float* factor;                  // (columns, padded): sx * sw
    std::uint8_t* zero_row;         // zero points of x
    const std::uint8_t** pointers;  // (chunk, taps)
    const std::uint8_t* x;
    float* out;
  };

  std::int64_t input_bytes() const { return g_.batch * g_.in[0] * g_.in[1] * g_.in_channels; }
  std::size_t column_bytes() const { return round_up((columns_ + kPadding) * sizeof(float), 64); }
  std::size_t zero_row_bytes() const { return round_up(static_cast<std::size_t>(g_.in_channels) + kOverread, 64); }
  std::size_t pointer_bytes() const {
    return round_up(static_cast<std::size_t>(chunk_ * g_.taps()) * sizeof(void*), 64);
  }
  std::size_t flipped_bytes() const {
    return flip_ == 0 ? 0 : round_up(static_cast<std::size_t>(input_bytes()) + kOverread, 64);
  }

  void make_constants(const Run& run, std::int32_t zero, float scale) const noexcept {
    for (std::size_t j = 0; j < columns_; ++j) {
      run.bias[j] = static_cast<std::int32_t>(static_cast<std::uint32_t>(-zero) * static_cast<std::uint32_t>(sums_[j]));
      run.factor[j] = has_scale_ ? scale * weight_scale_[j] : 1.0F;
    }
    std::fill_n(run.bias + columns_, kPadding, 0);
  }

  void run_chunk(const Run& run, Range rows, Range blocks) const noexcept {
    const auto m = static_cast<std::size_t>(rows.last - rows.first), taps = static_cast<std::size_t>(g_.taps());
    const auto kc = static_cast<std::size_t>(g_.in_channels / g_.groups);
    fill_indirection(g_, rows.first, rows.last, run.x, run.zero_row, run.pointers);
    std::size_t group = 0;
    for (std::int64_t b = blocks.first; b < blocks.last; ++b) {
      const PackedBlock& block = weights_.blocks()[static_cast<std::size_t>(b)];
      if (block.group != group) {
        for (std::size_t i = 0; i < m * taps; ++i) run.pointers[i] += (block.group - group) * kc;
        group = block.group;
      }
      float* const out = run.out + static_cast<std::size_t>(rows.first) * columns_ + block.first_column;
      Requant requant = accumulators_.requant(block.first_column);
      requant.bias = run.bias + block.first_column;
      block.gemm.run({.rows = run.pointers,
                      .m = m,
                      .taps = taps,
                      .kc = kc,
                      .n = block.columns,
                      .weights = weights_.data(block),
                      .out = out,
                      .out_stride = columns_,
                      .requant = &requant,
                      .add = nullptr,
                      .residual = nullptr,
                      .residual_stride = 0,
                      .zeros = nullptr,
                      .weight_zero = weight_zero_.empty() ? nullptr : weight_zero_.data() + block.first_column,
                      .extras = nullptr,
                      .n_extras = 0});
      for (std::size_t i = 0; i < m; ++i)
        finish(run.factor + block.first_column, block.first_column, block.columns, out + i * columns_);
    }
  }

  // An accumulator is as large as a float: they were left where the floats belong.
  void finish(const float* factor, std::size_t first, std::size_t n, float* row) const noexcept {
    for (std::size_t j = 0; j < n; ++j) {
      std::int32_t acc;
      std::memcpy(&acc, row + j, sizeof acc);
      row[j] = static_cast<float>(acc) * factor[j];
    }
    if (!bias_.empty())
      for (std::size_t j = 0; j < n; ++j) row[j] += bias_[first + j];
    if (!clamp_.active()) return;
    for (std::size_t j = 0; j < n; ++j) {
      const float v = row[j] < clamp_.lo ? clamp_.lo : row[j];
      row[j] = v > clamp_.hi ? clamp_.hi : v;
    }
  }

  ConvGeometry g_;
  graph::Clamp clamp_;
  bool x_is_signed_;
  std::uint8_t flip_;  // what turns x into the backend's codes
  std::size_t columns_;
  PackedWeights weights_;
  bool has_scale_;
  std::string kernel_;
  Epilogue accumulators_;                  // kernels may read arrays that they do not use
  std::vector<std::int32_t> sums_;         // (columns) of w - zw
  std::vector<float> weight_scale_;        // (columns)
  std::vector<std::int32_t> weight_zero_;  // (columns, padded); empty if all are 0
  std::vector<float> bias_;                // (columns), or empty
  int slices_ = 1;
  bool by_blocks_ = false;  // slices share out the weights instead of the rows
  std::int64_t chunk_ = 1;  // rows at a time
};

}  // namespace

OpContext as_layer(const OpContext& ctx, std::array<Operand, 2>& operands) {
  operands = {ctx.inputs[0], ctx.inputs[2]};
  return {ctx.name, ctx.attrs, operands, ctx.outputs, ctx.backend, ctx.requant, ctx.threads};
}

Result<PreparedOp> make_dynamic_product(const OpContext& ctx, const ConvGeometry& g, const WeightMatrix& weights,
                                        const graph::Clamp& clamp, std::string_view label) {
  std::array<Operand, 2> operands;
  const Result<WeightQuant> quant = weight_quant(as_layer(ctx, operands), 0, weights.all_columns());
  if (!quant) return quant.status();
  const std::vector<ColumnSums> sums = column_sums(weights, *quant);
  for (std::size_t j = 0; j < sums.size(); ++j) {
    if (sums[j].distance > std::numeric_limits<std::int32_t>::max() / 255)
      return ctx.error(fmt::format("output channel {}: its accumulator may reach {}: must stay below 2^31", j,
                                   255 * sums[j].distance));
  }
  return PreparedOp(std::make_unique<DynamicProduct>(ctx, g, weights, *quant, sums, clamp, label));
}

}  // namespace octet::kernels
