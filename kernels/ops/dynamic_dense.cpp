// SPDX-License-Identifier: Apache-2.0
// y[i][j] = f32(sum over p of (x[i][p] - zx) * (w[j][p] - zw[j])), zx read when run. The GEMM sums x * (w - zw); what
// is missing, -zx * sum of (w[j] - zw[j]), is a bias made anew for each run.
#include <fmt/format.h>

#include <utility>

#include "kernels/codes.h"
#include "kernels/packed_gemm.h"

namespace octet::kernels {
namespace {

constexpr std::size_t kRows = 64;  // at a time

class DynamicDense final : public Prepared {
 public:
  DynamicDense(const OpContext& ctx, const WeightMatrix& weights, const WeightQuant& quant)
      : x_dtype_(ctx.inputs[0].dtype),
        flip_(x_dtype_ == dtype_of(ctx.backend.activation) ? 0 : 0x80),
        rows_(ctx.inputs[0].shape.count(0, ctx.inputs[0].shape.rank() - 1)),
        k_(weights.kc),
        n_(weights.columns),
        weights_(ctx.backend, weights, 255),
        slices_(slices_for(rows_, static_cast<double>(k_ * n_), ctx.threads)),
        kernel_(fmt::format("{} gemm dynamic", ctx.backend.name)) {
    epilogue_.resize(n_);
    epilogue_.finish = Finish::accumulators;
    std::fill(epilogue_.scale.begin(), epilogue_.scale.end(), 1.0F);
    const std::vector<ColumnSums> sums = column_sums(weights, quant);
    for (std::size_t j = 0; j < n_; ++j) {
      if (quant.zero_point[j] != 0) epilogue_.weight_zero.resize(epilogue_.bias.size());
      sums_.push_back(static_cast<std::int32_t>(sums[j].codes - static_cast<std::int64_t>(k_) * quant.zero_point[j]));
    }
    if (!epilogue_.weight_zero.empty())
      std::copy(quant.zero_point.begin(), quant.zero_point.end(), epilogue_.weight_zero.begin());
  }

  int slices() const override { return slices_; }
  std::size_t scratch_bytes() const override { return bias_bytes() + kRows * sizeof(void*) + flipped_bytes(); }
  std::string kernel() const override { return kernel_ + weights_.note(); }
  std::size_t weight_bytes() const override { return weights_.size(); }
  double macs() const override { return static_cast<double>(rows_) * static_cast<double>(k_ * n_); }

  void run(const Io& io, int slice) const noexcept override {
    std::byte* const scratch = io.scratch + static_cast<std::size_t>(slice) * scratch_bytes();
    auto* const bias = reinterpret_cast<std::int32_t*>(scratch);
    auto** const pointers = reinterpret_cast<const std::uint8_t**>(scratch + bias_bytes());
    auto* const flipped = reinterpret_cast<std::uint8_t*>(scratch + bias_bytes() + kRows * sizeof(void*));
    // The zero point among the backend's codes: the other signedness is 128 away.
    const std::uint8_t byte = static_cast<std::uint8_t>(*io.input<std::uint8_t>(1) ^ flip_);
    const bool is_signed = (x_dtype_ == DType::s8) != (flip_ != 0);
    const std::int32_t zero = is_signed ? static_cast<std::int8_t>(byte) : byte;
    for (std::size_t j = 0; j < n_; ++j) bias[j] = -zero * sums_[j];
    std::fill(bias + n_, bias + bias_bytes() / sizeof(std::int32_t), 0);

    const Range range = share_of(rows_, slice, slices_);
    for (std::int64_t row = range.first; row < range.last; row += static_cast<std::int64_t>(kRows)) {
      const std::size_t m = std::min(kRows, static_cast<std::size_t>(range.last - row));
      const std::uint8_t* x = io.input<std::uint8_t>(0) + static_cast<std::size_t>(row) * k_;
      if (flip_ != 0) {
        for (std::size_t i = 0; i < m * k_; ++i) flipped[i] = x[i] ^ flip_;
        x = flipped;
      }
      for (std::size_t i = 0; i < m; ++i) pointers[i] = x + i * k_;
      run_rows(io, row, m, pointers, bias);
    }
  }

 private:
  std::size_t bias_bytes() const { return round_up(epilogue_.bias.size() * sizeof(std::int32_t), 64); }
  std::size_t flipped_bytes() const { return flip_ == 0 ? 0 : round_up(kRows * k_ + kOverread, 64); }

  void run_rows(const Io& io, std::int64_t row, std::size_t m, const std::uint8_t* const* pointers,
                const std::int32_t* bias) const noexcept {
    for (const PackedBlock& block : weights_.blocks()) {
      const std::size_t column = block.first_column;
      const std::int32_t* zeros = epilogue_.weight_zero.empty() ? nullptr : epilogue_.weight_zero.data() + column;
      run_gemm(epilogue_,
               {.gemm = &block.gemm,
                .weights = weights_.data(block),
                .taps = 1,
                .kc = k_,
                .n = block.columns,
                .column = column,
                .bias = bias + column,
                .weight_zero = zeros,
                .extras = {}},
               {.pointers = pointers,
                .m = m,
                .out = io.outputs[0] + (static_cast<std::size_t>(row) * n_ + column) * sizeof(float),
                .out_stride = n_,
                .residual = nullptr,
                .residual_stride = 0});
    }
  }

  DType x_dtype_;
  std::uint8_t flip_;
  std::int64_t rows_;
  std::size_t k_, n_;
  PackedWeights weights_;
  Epilogue epilogue_;
  std::vector<std::int32_t> sums_;  // (n) of w - zw
  int slices_;
  std::string kernel_;
};

}  // namespace

Result<PreparedOp> prepare_dynamic_dense(const OpContext& ctx) {
  const Operand &x = ctx.inputs[0], &w = ctx.inputs[2], &y = ctx.outputs[0];
  if (w.constant == nullptr || w.shape.rank() != 2 || x.shape.rank() < 1 || x.shape[x.shape.rank() - 1] != w.shape[1] ||
      y.dtype != DType::f32)
    return ctx.error(fmt::format("weights {} do not fit input {}", to_string(w.shape), to_string(x.shape)));
  const auto n = static_cast<std::size_t>(w.shape[0]), k = static_cast<std::size_t>(w.shape[1]);
  constexpr std::size_t kMostTerms = 33025;  // 255 * 255 * this stays below 2^31
  if (k < 1 || k > kMostTerms) return ctx.error(fmt::format("sums {} products: must be 1 to {}", k, kMostTerms));
  // weight_quant() reads its parameters from input 1, where layers have their weights.
  const Operand operands[] = {x, w};
  const OpContext as_layer{ctx.name, ctx.attrs, operands, ctx.outputs, ctx.backend, ctx.requant, ctx.threads};
  const Result<WeightQuant> quant = weight_quant(as_layer, 0, n);
  if (!quant) return quant.status();
  const WeightMatrix weights = gather_weights(w.constant_as<std::uint8_t>(), flip_to_s8(w), 1, n, 1, k,
                                              [k](std::size_t c, std::size_t, std::size_t p) { return c * k + p; });
  return PreparedOp(std::make_unique<DynamicDense>(ctx, weights, *quant));
}

}  // namespace octet::kernels
