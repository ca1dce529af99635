// SPDX-License-Identifier: Apache-2.0
// The mean over any axes, without transposing: kept axes are walked outside, reduced ones inside.
#include <fmt/format.h>

#include "kernels/codes.h"
#include "kernels/float_ops.h"
#include "kernels/mean.h"
#include "kernels/odometer.h"

namespace octet::kernels {

#include "kernels/requantize.inl"

namespace {

// The innermost axis is kept, as when an NHWC image is averaged over H and W: rows of it are
// averaged by the backend, one tap per reduced position.
class MeanOfRows final : public Prepared {
 public:
  MeanOfRows(const OpContext& ctx, std::vector<Axis<1>> kept, const std::vector<Axis<1>>& reduced, const Codes& out,
             const MeanScale& scale)
      : reduced_(reduced), out_(out), scale_(scale), mode_(ctx.requant), avg_pool_(ctx.backend.avg_pool) {
    row_ = kept.back().size;
    kept.pop_back();
    kept_ = Odometer<1>(kept);
    slices_ = slices_for(kept_.count(), static_cast<double>(row_ * reduced_.count()), ctx.threads);
    kernel_ = fmt::format("{} avg_pool", ctx.backend.name);
  }

  int slices() const override { return slices_; }
  std::size_t scratch_bytes() const override {  // (reduced) row pointers
    return (static_cast<std::size_t>(reduced_.count()) * sizeof(const std::uint8_t*) + 63) / 64 * 64;
  }
  std::string kernel() const override { return kernel_; }
  void run(const Io& io, int slice) const noexcept override {
    auto** taps =
        reinterpret_cast<const std::uint8_t**>(io.scratch + static_cast<std::size_t>(slice) * scratch_bytes());
    const Range share = share_of(kept_.count(), slice, slices_);
    if (share.first >= share.last) return;
    const Requant requant = scale_.requant(out_, mode_);
    const std::int64_t n = reduced_.count();
    Odometer<1> kept = kept_, reduced = reduced_;
    kept.seek(share.first);
    for (std::int64_t unit = share.first; unit < share.last; ++unit, kept.next()) {
      reduced.seek(0);
      for (std::int64_t t = 0; t < n; ++t, reduced.next()) {
        taps[t] = io.input<std::uint8_t>(0) + kept.offset(0) + reduced.offset(0);
      }
      avg_pool_(taps, static_cast<std::size_t>(n), static_cast<std::size_t>(row_), requant,
                io.output<std::uint8_t>() + unit * row_);
    }
  }

 private:
  Odometer<1> kept_, reduced_;
  std::int64_t row_;
  Codes out_;
  MeanScale scale_;
  RequantMode mode_;
  AvgPoolFn avg_pool_;
  int slices_;
  std::string kernel_;
};

// The innermost axis is reduced: every output sums contiguous runs.
class MeanOfRuns final : public Prepared {
 public:
  MeanOfRuns(const OpContext& ctx, const std::vector<Axis<1>>& kept, std::vector<Axis<1>> reduced, const Codes& in,
             const Codes& out, const MeanScale& scale)
      : kept_(kept), in_(in), out_(out), scale_(scale), mode_(ctx.requant) {
    run_ = reduced.back().size;
    reduced.pop_back();
    reduced_ = Odometer<1>(reduced);
    slices_ = slices_for(kept_.count(), static_cast<double>(run_ * reduced_.count()), ctx.threads);
  }

  int slices() const override { return slices_; }
  std::string kernel() const override { return "mean"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range share = share_of(kept_.count(), slice, slices_);
    if (share.first >= share.last) return;
    const Requant requant = scale_.requant(out_, mode_);
    Odometer<1> kept = kept_, reduced = reduced_;
    kept.seek(share.first);
    for (std::int64_t unit = share.first; unit < share.last; ++unit, kept.next()) {
      std::int32_t sum = 0;  // at most kMostMeanTaps codes
      reduced.seek(0);
      for (std::int64_t t = 0; t < reduced_.count(); ++t, reduced.next()) {
        const std::uint8_t* run = io.input<std::uint8_t>(0) + kept.offset(0) + reduced.offset(0);
        for (std::int64_t i = 0; i < run_; ++i) sum += in_.code(run[i]);
      }
      io.output<std::uint8_t>()[unit] = static_cast<std::uint8_t>(requantize(requant, 0, sum));
    }
  }

 private:
  Odometer<1> kept_, reduced_;
  std::int64_t run_;
  Codes in_, out_;
  MeanScale scale_;
  RequantMode mode_;
  int slices_;
};

}  // namespace

Result<PreparedOp> prepare_reduce_mean(const OpContext& ctx) {
  const Operand& x = ctx.inputs[0];
  const Operand& y = ctx.outputs[0];
  if (!is_code_type(y.dtype)) return fp32::prepare_reduce_mean(ctx);
  const auto& attrs = std::get<graph::ReduceMeanAttrs>(ctx.attrs);
  const Result<Codes> in = activation_codes_of(ctx, x, "the input");
  if (!in.ok()) return in.status();
  const Result<Codes> out = activation_codes_of(ctx, y, "the output");
  if (!out.ok()) return out.status();
  const Result<std::int64_t> count = count_of(ctx, x, "the input");
  if (!count.ok()) return count.status();
  const Result<std::int64_t> out_count = count_of(ctx, y, "the output");
  if (!out_count.ok()) return out_count.status();

  const int rank = x.shape.rank();
  std::vector<bool> is_reduced(static_cast<std::size_t>(rank), attrs.axes.empty());
  for (const std::int64_t named : attrs.axes) {
    const Result<int> axis = axis_of(ctx, named, rank);
    if (!axis.ok()) return axis.status();
    is_reduced[static_cast<std::size_t>(*axis)] = true;
  }
  std::vector<Axis<1>> all_kept, all_reduced;
  std::int64_t n = 1, kept_count = 1;
  for (int i = 0; i < rank; ++i) {
    const bool reduce = is_reduced[static_cast<std::size_t>(i)];
    (reduce ? all_reduced : all_kept).push_back({x.shape[i], {x.shape.count(i + 1, rank)}});
    (reduce ? n : kept_count) *= x.shape[i];
  }
  if (n < 1 || n > kMostMeanTaps) {
    return ctx.error(fmt::format("a mean over {} elements: must be 1 to {}", n, kMostMeanTaps));
  }
  if (kept_count != *out_count) {
    return ctx.error(
        fmt::format("output {} does not hold one mean per kept element of {}", to_string(y.shape), to_string(x.shape)));
  }
  const std::vector<Axis<1>> kept = collapse<1>(all_kept);
  const std::vector<Axis<1>> reduced = collapse<1>(all_reduced);
  const MeanScale scale = mean_scale(*in, *out, n, n, ctx.requant);
  if (!reduced.empty() && reduced.back().stride[0] == 1) {
    return PreparedOp(std::make_unique<MeanOfRuns>(ctx, kept, reduced, *in, *out, scale));
  }
  return PreparedOp(
      std::make_unique<MeanOfRows>(ctx, kept.empty() ? std::vector<Axis<1>>{{1, {1}}} : kept, reduced, *out, scale));
}

}  // namespace octet::kernels
