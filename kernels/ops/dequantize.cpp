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

// One scale per index of an axis: rows of (outer, axis), each with its own.
class DequantizePerAxis final : public Prepared {
 public:
  DequantizePerAxis(const OpContext& ctx, const Quant& quant)
      : quant_(quant),
        is_signed_(ctx.inputs[0].dtype == DType::s8),
        run_(ctx.inputs[0].shape.count(quant.axis + 1, ctx.inputs[0].shape.rank())),
        rows_(ctx.inputs[0].shape.count(0, quant.axis + 1)),
        slices_(slices_for(rows_, 2.0 * static_cast<double>(run_), ctx.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "dequantize per axis"; }
  void run(const Io& io, int slice) const noexcept override {
    const Range share = share_of(rows_, slice, slices_);
    for (std::int64_t row = share.first; row < share.last; ++row) {
      const auto index = static_cast<std::size_t>(row) % quant_.scale.size();
      const std::uint8_t* in = io.input<std::uint8_t>(0) + row * run_;
      float* out = io.output<float>() + row * run_;
      for (std::int64_t i = 0; i < run_; ++i) {
        const std::int32_t code = is_signed_ ? static_cast<std::int8_t>(in[i]) : in[i];
        out[i] = quant_.scale[index] * static_cast<float>(code - quant_.zero_point[index]);
      }
    }
  }

 private:
  Quant quant_;
  bool is_signed_;
  std::int64_t run_, rows_;
  int slices_;
};

bool is_per_axis(const Operand& operand) {
  const Quant* quant = operand.quant;
  return quant != nullptr && quant->axis >= 0 && quant->axis < operand.shape.rank() && is_code_type(operand.dtype) &&
         static_cast<std::int64_t>(quant->scale.size()) == operand.shape[quant->axis] && !quant->scale.empty() &&
         quant->zero_point.size() == quant->scale.size();
}

}  // namespace

Result<PreparedOp> prepare_dequantize(const OpContext& ctx) {
  if (ctx.outputs[0].dtype != DType::f32) {
    return ctx.error(fmt::format("Dequantize writes {}: must be f32", name_of(ctx.outputs[0].dtype)));
  }
  const Result<std::int64_t> count = count_of(ctx, ctx.outputs[0], "the output");
  if (!count.ok()) return count.status();
  if (is_per_axis(ctx.inputs[0])) {
    return PreparedOp(std::make_unique<DequantizePerAxis>(ctx, *ctx.inputs[0].quant));
  }
  const Result<Codes> in = activation_codes_of(ctx, ctx.inputs[0], "the input");
  if (!in.ok()) return in.status();
  return PreparedOp(std::make_unique<DequantizeOp>(ctx, *in, *count));
}

}  // namespace octet::kernels
