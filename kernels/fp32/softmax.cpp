// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <memory>

#include "kernels/float_ops.h"
#include "kernels/fp32/exp.h"
#include "kernels/fp32/ordered.h"

namespace octet::kernels::fp32 {
namespace {

// The largest of n values in any order: NaN if one of them is.
float largest(const float* x, std::int64_t n) {
  float lanes[kLanes];
  std::fill_n(lanes, kLanes, -std::numeric_limits<float>::infinity());
  const auto larger = [](float a, float b) { return a > b || a != a ? a : b; };
  const std::int64_t whole = n - n % kLanes;
  for (std::int64_t i = 0; i < whole; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) lanes[j] = larger(lanes[j], x[i + j]);
  }
  for (std::int64_t i = whole; i < n; ++i) lanes[i - whole] = larger(lanes[i - whole], x[i]);
  float best = lanes[0];
  for (int j = 1; j < kLanes; ++j) best = larger(best, lanes[j]);
  return best;
}

// p = e / sum, e = oexp(x - max). A NaN in the row makes the maximum, and so the whole row, NaN.
void softmax_row(const float* x, float* p, std::int64_t n) {
  const float top = largest(x, n);
  for (std::int64_t i = 0; i < n; ++i) p[i] = oexp(x[i] - top);
  const float sum = ordered_sum(p, n);
  for (std::int64_t i = 0; i < n; ++i) p[i] = p[i] / sum;
}

class Softmax final : public Prepared {
 public:
  Softmax(const OpContext& context, int axis)
      : rows_(context.inputs[0].shape.count(0, axis)),
        n_(context.inputs[0].shape[axis]),
        step_(context.inputs[0].shape.count(axis + 1, context.inputs[0].shape.rank())),
        slices_(slices_for(rows_ * step_, 12.0 * static_cast<double>(n_), context.threads)) {}

  int slices() const override { return slices_; }
  std::size_t scratch_bytes() const override {  // a row whose elements lie apart
    return step_ == 1 ? 0 : (static_cast<std::size_t>(n_) * sizeof(float) + 63) / 64 * 64;
  }
  std::string kernel() const override { return "fp32 softmax"; }

  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(rows_ * step_, slice, slices_);
    float* row = reinterpret_cast<float*>(io.scratch + static_cast<std::size_t>(slice) * scratch_bytes());
    for (std::int64_t unit = range.first; unit < range.last; ++unit) {
      const std::int64_t start = unit / step_ * n_ * step_ + unit % step_;
      const float* in = io.input<float>(0) + start;
      float* out = io.output<float>() + start;
      if (step_ == 1) {
        softmax_row(in, out, n_);
        continue;
      }
      for (std::int64_t i = 0; i < n_; ++i) row[i] = in[i * step_];
      softmax_row(row, row, n_);
      for (std::int64_t i = 0; i < n_; ++i) out[i * step_] = row[i];
    }
  }

 private:
  std::int64_t rows_, n_, step_;  // the input as (rows, n, step)
  int slices_;
};

}  // namespace

Result<PreparedOp> prepare_softmax(const OpContext& context) {
  const std::int64_t given = std::get<graph::SoftmaxAttrs>(context.attrs).axis;
  const int rank = context.inputs[0].shape.rank();
  const std::int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank) return context.error(fmt::format("axis {}: must be in [{}, {})", given, -rank, rank));
  return PreparedOp(std::make_unique<Softmax>(context, static_cast<int>(axis)));
}

}  // namespace octet::kernels::fp32
