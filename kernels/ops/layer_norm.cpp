// SPDX-License-Identifier: Apache-2.0
// y = ((x - mean) / sqrt(var + epsilon)) * scale + bias over the axes from `axis` on. Always in float: a mean and
// a variance per row have no int8 form.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "kernels/fp32/ordered.h"
#include "kernels/op.h"

namespace octet::kernels {
namespace {

class LayerNorm final : public Prepared {
 public:
  LayerNorm(const OpContext& ctx, int axis)
      : epsilon_(std::get<graph::LayerNormAttrs>(ctx.attrs).epsilon),
        rows_(ctx.inputs[0].shape.count(0, axis)),
        n_(ctx.inputs[0].shape.count(axis, ctx.inputs[0].shape.rank())),
        has_scale_(ctx.has_input(1)),
        has_bias_(ctx.has_input(2)),
        slices_(slices_for(rows_, 5.0 * static_cast<double>(n_), ctx.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "fp32 layer norm"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range range = share_of(rows_, slice, slices_);
    for (std::int64_t row = range.first; row < range.last; ++row)
      normalize(io.input<float>(0) + row * n_, has_scale_ ? io.input<float>(1) : nullptr,
                has_bias_ ? io.input<float>(2) : nullptr, io.output<float>() + row * n_);
  }

 private:
  void normalize(const float* x, const float* scale, const float* bias, float* y) const {
    const auto n = static_cast<float>(n_);
    const float mean = fp32::ordered_sum(x, n_) / n;
    for (std::int64_t i = 0; i < n_; ++i) y[i] = x[i] - mean;
    float sum = 0;
    fp32::ordered_dots<1>(y, y, 0, n_, &sum);
    const float deviation = std::sqrt(sum / n + epsilon_);
    for (std::int64_t i = 0; i < n_; ++i) y[i] = y[i] / deviation;
    for (std::int64_t i = 0; scale != nullptr && i < n_; ++i) y[i] = y[i] * scale[i];
    for (std::int64_t i = 0; bias != nullptr && i < n_; ++i) y[i] = y[i] + bias[i];
  }

  float epsilon_;
  std::int64_t rows_, n_;
  bool has_scale_, has_bias_;
  int slices_;
};

}  // namespace

Result<PreparedOp> prepare_layer_norm(const OpContext& ctx) {
  const Shape& x = ctx.inputs[0].shape;
  const std::int64_t given = std::get<graph::LayerNormAttrs>(ctx.attrs).axis, rank = x.rank();
  const std::int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank) return ctx.error(fmt::format("axis {}: must be in [{}, {})", given, -rank, rank));
  const std::int64_t n = x.count(static_cast<int>(axis), x.rank());
  if (n == 0) return ctx.error(fmt::format("input {} has empty rows: they have no mean", to_string(x)));
  for (std::size_t index : {std::size_t{1}, std::size_t{2}}) {
    if (ctx.has_input(index) && (ctx.inputs[index].shape.count() != n || ctx.inputs[index].dtype != DType::f32))
      return ctx.error(fmt::format("input {} {}: must be {} floats", index, to_string(ctx.inputs[index].shape), n));
  }
  if (ctx.inputs[0].dtype != DType::f32 || ctx.outputs[0].dtype != DType::f32) return ctx.error("works on f32 only");
  return PreparedOp(std::make_unique<LayerNorm>(ctx, static_cast<int>(axis)));
}

}  // namespace octet::kernels
