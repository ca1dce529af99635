// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "kernels/float_ops.h"
#include "kernels/fp32/ordered.h"
#include "kernels/odometer.h"

namespace octet::kernels::fp32 {
namespace {

// The mean's elements are one sequence in the order of memory: over several axes, the last one
// moves fastest.
class ReduceMean final : public Prepared {
 public:
  ReduceMean(const OpContext& context, const std::array<bool, Shape::kMaxRank>& is_reduced) {
    const Shape& in = context.inputs[0].shape;
    std::vector<Axis<1>> kept, reduced;
    for (int axis = 0; axis < in.rank(); ++axis) {
      (is_reduced[static_cast<std::size_t>(axis)] ? reduced : kept)
          .push_back({in[axis], {in.count(axis + 1, in.rank())}});
    }
    kept = collapse<1>(kept);
    reduced = collapse<1>(reduced);
    contiguous_ = reduced.size() == 1 && reduced[0].stride[0] == 1;
    elements_ = Odometer<1>(reduced);
    count_ = elements_.count();
    if (!kept.empty() && kept.back().stride[0] == 1) {  // outputs whose elements lie side by side
      run_ = kept.back().size;
      kept.pop_back();
      block_ = OrderedColumns::kWidth;
    }
    outer_ = Odometer<1>(kept);
    blocks_ = (run_ + block_ - 1) / block_;
    units_ = outer_.count() * blocks_;
    slices_ =
        slices_for(units_, static_cast<double>(count_) * static_cast<double>(std::min(block_, run_)), context.threads);
  }

  int slices() const override { return slices_; }
  std::string kernel() const override { return "fp32 mean"; }

  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(units_, slice, slices_);
    Odometer<1> outer = outer_;
    for (std::int64_t unit = range.first; unit < range.last; ++unit) {
      const std::int64_t within = unit % blocks_ * block_;
      outer.seek(unit / blocks_);
      mean(io.input<float>(0) + outer.offset(0) + within, io.output<float>() + unit / blocks_ * run_ + within,
           std::min(block_, run_ - within));
    }
  }

 private:
  // `width` means, side by side.
  void mean(const float* in, float* out, std::int64_t width) const {
    const auto n = static_cast<float>(count_);
    if (contiguous_) {
      out[0] = ordered_sum(in, count_) / n;
      return;
    }
    OrderedColumns sums(width);
    Odometer<1> element = elements_;
    for (std::int64_t i = 0; i < count_; ++i, element.next()) sums.add(in + element.offset(0));
    const float* sum = sums.fold();
    for (std::int64_t c = 0; c < width; ++c) out[c] = sum[c] / n;
  }

  Odometer<1> outer_, elements_;  // the kept axes (less the run), the reduced axes
  bool contiguous_ = false;
  std::int64_t count_ = 1, run_ = 1, block_ = 1, blocks_ = 1, units_ = 0;
  int slices_ = 1;
};

}  // namespace

Result<PreparedOp> prepare_reduce_mean(const OpContext& context) {
  const auto& attrs = std::get<graph::ReduceMeanAttrs>(context.attrs);
  const int rank = context.inputs[0].shape.rank();
  std::array<bool, Shape::kMaxRank> reduced{};
  if (attrs.axes.empty()) reduced.fill(true);
  for (std::int64_t axis : attrs.axes) {
    if (axis < 0 || axis >= rank) return context.error(fmt::format("axis {}: must be in [0, {})", axis, rank));
    reduced[static_cast<std::size_t>(axis)] = true;
  }
  return PreparedOp(std::make_unique<ReduceMean>(context, reduced));
}

}  // namespace octet::kernels::fp32
