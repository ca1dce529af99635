// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <memory>

#include "kernels/float_ops.h"
#include "kernels/fp32/checks.h"
#include "kernels/fp32/clamp.h"
#include "kernels/fp32/ordered.h"

namespace octet::kernels::fp32 {
namespace {

// A unit is a tile of kRows x kColumns outputs: its inputs fit a first-level cache.
class Dense final : public Prepared {
 public:
  Dense(const OpContext& context, const graph::Clamp& bounds) : clamp_(bounds), has_bias_(context.has_input(2)) {
    const Shape& weights = context.inputs[1].shape;
    n_ = weights[0];
    k_ = weights[1];
    const Shape& out = context.outputs[0].shape;
    m_ = out.count(0, out.rank() - 1);
    column_tiles_ = (n_ + kColumns - 1) / kColumns;
    units_ = (m_ + kRows - 1) / kRows * column_tiles_;
    slices_ = slices_for(units_, macs() / static_cast<double>(std::max<std::int64_t>(units_, 1)), context.threads);
  }

  int slices() const override { return slices_; }
  double macs() const override { return static_cast<double>(m_) * static_cast<double>(n_) * static_cast<double>(k_); }
  std::string kernel() const override { return "fp32 dense"; }

  void run(const Io& io, int slice) const noexcept override {
    const float *x = io.input<float>(0), *weights = io.input<float>(1);  // (m, k), (n, k)
    const float* bias = has_bias_ ? io.input<float>(2) : nullptr;
    float* out = io.output<float>();  // (m, n)
    const Range range = share_of(units_, slice, slices_);
    for (std::int64_t unit = range.first; unit < range.last; ++unit) {
      const std::int64_t i0 = unit / column_tiles_ * kRows, j0 = unit % column_tiles_ * kColumns;
      const std::int64_t rows = std::min(kRows, m_ - i0);
      std::array<const float*, kRows> row{};
      for (std::int64_t i = 0; i < rows; ++i) row[static_cast<std::size_t>(i)] = x + (i0 + i) * k_;
      ordered_tile(row.data(), rows, weights + j0 * k_, k_, std::min(kColumns, n_ - j0), k_,
                   [&](std::int64_t i, std::int64_t j, float sum) {
                     const float y = has_bias_ ? sum + bias[j0 + j] : sum;
                     out[(i0 + i) * n_ + j0 + j] = clamp(y, clamp_);
                   });
    }
  }

 private:
  static constexpr std::int64_t kRows = 8, kColumns = 32;
  graph::Clamp clamp_;
  bool has_bias_;
  std::int64_t m_ = 0, n_ = 0, k_ = 0;
  std::int64_t column_tiles_ = 0, units_ = 0;
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_dense(const OpContext& context) {
  if (Status status = check_dense(context); !status) return status;
  return PreparedOp(std::make_unique<Dense>(context, std::get<graph::DenseAttrs>(context.attrs).clamp));
}

}  // namespace octet::kernels::fp32
