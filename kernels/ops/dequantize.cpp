// SPDX-License-Identifier: Apache-2.0
// Codes to float.
#include <fmt/format.h>

#include "kernels/codes.h"

namespace octet::kernels {

namespace {

class DequantizeOp final : public Prepared {
 public:
  DequantizeOp(const OpContext& ctx, const Codes& in, std::int64_t n)
      : in_(in),
        dequantize_(ctx.backend.dequantize),
        n_(n),
        slices_(slices_for(n, 2, ctx.threads)),
        kernel_(fmt::format("{} dequantize", ctx.backend.name)) {}

  int slices() const override { return slices_; }
  void run(const Io& io, int slice) const noexcept override {
    const Range share = share_of(n_, slice, slices_);
    dequantize_(in_.scale, in_.zero_point, io.input<std::uint8_t>(0) + share.first, io.output<float>() + share.first,
                static_cast<std::size_t>(share.last - share.first));
  }
  std::string kernel() const override { return kernel_; }

 private:
  Codes in_;
  DequantizeFn dequantize_;
  std::int64_t n_;
  int slices_;
  std::string kernel_;
};

}  // namespace

Result<PreparedOp> prepare_dequantize(const OpContext& ctx) {
  if (ctx.outputs[0].dtype != DType::f32) {
    return ctx.error(fmt::format("Dequantize writes {}: must be f32", name_of(ctx.outputs[0].dtype)));
  }
  const Result<Codes> in = activation_codes_of(ctx, ctx.inputs[0], "the input");
  if (!in.ok()) return in.status();
  const Result<std::int64_t> count = count_of(ctx, ctx.outputs[0], "the output");
  if (!count.ok()) return count.status();
  return PreparedOp(std::make_unique<DequantizeOp>(ctx, *in, *count));
}

}  // namespace octet::kernels
