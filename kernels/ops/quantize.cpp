// SPDX-License-Identifier: Apache-2.0
// Float to codes.
#include <fmt/format.h>

#include "kernels/codes.h"
#include "kernels/requantize.h"

namespace octet::kernels {

namespace {

class QuantizeOp final : public Prepared {
 public:
  QuantizeOp(const OpContext& ctx, const QuantizeParams& params, bool relabel, std::int64_t n)
      : params_(params),
        relabel_(relabel),
        quantize_(ctx.backend.quantize),
        n_(n),
        slices_(slices_for(n, 4, ctx.threads)),
        kernel_(fmt::format("{} quantize", ctx.backend.name)) {}

  int slices() const override { return slices_; }
  void run(const Io& io, int slice) const noexcept override {
    const Range share = share_of(n_, slice, slices_);
    std::uint8_t* out = io.output<std::uint8_t>() + share.first;
    const std::int64_t n = share.last - share.first;
    quantize_(params_, io.input<float>(0) + share.first, out, static_cast<std::size_t>(n));
    for (std::int64_t i = 0; relabel_ && i < n; ++i) out[i] ^= 0x80;
  }
  std::string kernel() const override { return kernel_; }

 private:
  QuantizeParams params_;
  bool relabel_;  // from the backend's codes to those of the other signedness
  QuantizeFn quantize_;
  std::int64_t n_;
  int slices_;
  std::string kernel_;
};

}  // namespace

Result<PreparedOp> prepare_quantize(const OpContext& ctx) {
  if (ctx.inputs[0].dtype != DType::f32) {
    return ctx.error(fmt::format("Quantize reads {}: must be f32", name_of(ctx.inputs[0].dtype)));
  }
  const Result<Codes> out = codes_of(ctx, ctx.outputs[0], "the output");
  if (!out.ok()) return out.status();
  const Result<std::int64_t> count = count_of(ctx, ctx.outputs[0], "the output");
  if (!count.ok()) return count.status();
  graph::QuantizeAttrs attrs;
  if (const auto* given = std::get_if<graph::QuantizeAttrs>(&ctx.attrs)) attrs = *given;
  const CodeRange range = code_range(out->dtype, out->scale, out->zero_point, attrs.clamp);
  // The slot writes the backend's codes; the others differ by 128 throughout.
  const bool relabel = out->dtype != dtype_of(ctx.backend.activation);
  const std::int32_t shift = !relabel ? 0 : out->dtype == DType::s8 ? 128 : -128;
  const QuantizeParams params{.scale = out->scale,
                              .zero_point = out->zero_point + shift,
                              .min = range.min + shift,
                              .max = range.max + shift,
                              .reciprocal = attrs.reciprocal ? 1 : 0};
  return PreparedOp(std::make_unique<QuantizeOp>(ctx, params, relabel, *count));
}

}  // namespace octet::kernels
