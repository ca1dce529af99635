// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>

#include "kernels/float_ops.h"
#include "kernels/fp32/clamp.h"
#include "kernels/fp32/ordered.h"

namespace octet::kernels::fp32 {
namespace {

constexpr int kBatchAxes = Shape::kMaxRank - 2;

// numpy's view of an operand: a matrix per point of the leading axes. A vector is a matrix with one
// row on the left, with one column on the right.
struct Matrices {
  std::int64_t rows, columns;
  std::array<std::int64_t, kBatchAxes> batch;  // leading axes, aligned to the right, filled with 1
};

Matrices matrices_of(const Shape& shape, bool is_left) {
  const int rank = shape.rank();
  Matrices view{1, 1, {}};
  view.batch.fill(1);
  if (rank == 1) {
    (is_left ? view.columns : view.rows) = shape[0];
    return view;
  }
  view.rows = shape[rank - 2];
  view.columns = shape[rank - 1];
  for (int axis = 0; axis < rank - 2; ++axis) {
    view.batch[static_cast<std::size_t>(kBatchAxes - (rank - 2) + axis)] = shape[axis];
  }
  return view;
}

// A unit is kRows x kColumns outputs of one product; its columns of b are transposed into scratch,
// which costs 1/kRows of the arithmetic that it makes contiguous.
class MatMul final : public Prepared {
 public:
  MatMul(const OpContext& context, const Matrices& a, const Matrices& b, const graph::Clamp& bounds)
      : a_(a), b_(b), clamp_(bounds) {
    for (std::size_t axis = 0; axis < kBatchAxes; ++axis) products_ *= batch_size(axis);
    row_tiles_ = (a.rows + kRows - 1) / kRows;
    column_tiles_ = (b.columns + kColumns - 1) / kColumns;
    units_ = products_ * row_tiles_ * column_tiles_;
    slices_ = slices_for(units_, macs() / static_cast<double>(std::max<std::int64_t>(units_, 1)), context.threads);
  }

  int slices() const override { return slices_; }
  std::size_t scratch_bytes() const override {
    return static_cast<std::size_t>(kColumns * a_.columns) * sizeof(float);  // a multiple of 64
  }
  double macs() const override {
    return static_cast<double>(products_) * static_cast<double>(a_.rows) * static_cast<double>(a_.columns) *
           static_cast<double>(b_.columns);
  }
  std::string kernel() const override { return "fp32 matmul"; }

  void run(const Io& io, int slice) const noexcept override {
    float* columns = reinterpret_cast<float*>(io.scratch + static_cast<std::size_t>(slice) * scratch_bytes());
    const std::int64_t n = b_.columns, k = a_.columns;
    const Range range = share_of(units_, slice, slices_);
    for (std::int64_t unit = range.first; unit < range.last; ++unit) {
      const std::int64_t product = unit / (row_tiles_ * column_tiles_);
      const std::int64_t i0 = unit / column_tiles_ % row_tiles_ * kRows, j0 = unit % column_tiles_ * kColumns;
      const float* a = io.input<float>(0) + matrix_of(a_, product) * a_.rows * k;
      const float* b = io.input<float>(1) + matrix_of(b_, product) * k * n;
      float* out = io.output<float>() + product * a_.rows * n;
      const std::int64_t width = std::min(kColumns, n - j0);
      for (std::int64_t p = 0; p < k; ++p) {
        for (std::int64_t j = 0; j < width; ++j) columns[j * k + p] = b[p * n + j0 + j];
      }
      const std::int64_t end = std::min(i0 + kRows, a_.rows);
      for (std::int64_t i = i0; i < end; i += kBlock) {
        const std::int64_t rows = std::min(kBlock, end - i);
        std::array<const float*, kBlock> row{};
        for (std::int64_t r = 0; r < rows; ++r) row[static_cast<std::size_t>(r)] = a + (i + r) * k;
        ordered_tile(row.data(), rows, columns, k, width, k, [&](std::int64_t r, std::int64_t j, float sum) {
          out[(i + r) * n + j0 + j] = clamp(sum, clamp_);
        });
      }
    }
  }

 private:
  static constexpr std::int64_t kRows = 64, kColumns = 16, kBlock = 8;

  std::int64_t batch_size(std::size_t axis) const { return a_.batch[axis] == 1 ? b_.batch[axis] : a_.batch[axis]; }
  // Which of an operand's matrices takes part in a product.
  std::int64_t matrix_of(const Matrices& view, std::int64_t product) const {
    std::int64_t index = 0, stride = 1;
    for (std::size_t axis = kBatchAxes; axis-- > 0;) {
      const std::int64_t coordinate = product % batch_size(axis);
      product /= batch_size(axis);
      if (view.batch[axis] != 1) index += coordinate * stride;
      stride *= view.batch[axis];
    }
    return index;
  }

  Matrices a_, b_;
  graph::Clamp clamp_;
  std::int64_t products_ = 1, row_tiles_ = 0, column_tiles_ = 0, units_ = 0;
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_matmul(const OpContext& context) {
  const Shape &left = context.inputs[0].shape, &right = context.inputs[1].shape;
  if (left.rank() < 1 || right.rank() < 1) return context.error("a scalar operand: both must have at least one axis");
  const Matrices a = matrices_of(left, true), b = matrices_of(right, false);
  bool fits = a.columns == b.rows;
  std::int64_t products = 1;
  for (std::size_t axis = 0; axis < kBatchAxes; ++axis) {
    fits = fits && (a.batch[axis] == b.batch[axis] || a.batch[axis] == 1 || b.batch[axis] == 1);
    products *= a.batch[axis] == 1 ? b.batch[axis] : a.batch[axis];
  }
  if (!fits || context.outputs[0].shape.count() != products * a.rows * b.columns) {
    return context.error(
        fmt::format("operands {} and {}, output {}: must be (..., m, k), (..., k, n), (..., m, n) with "
                    "equal or broadcast leading axes",
                    to_string(left), to_string(right), to_string(context.outputs[0].shape)));
  }
  return PreparedOp(std::make_unique<MatMul>(context, a, b, std::get<graph::MatMulAttrs>(context.attrs).clamp));
}

}  // namespace octet::kernels::fp32
