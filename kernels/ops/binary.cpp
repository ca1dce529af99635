// SPDX-License-Identifier: Apache-2.0
// Add, Sub and Mul of two quantized tensors, broadcast as numpy does.
#include <fmt/format.h>

#include <algorithm>

#include "kernels/codes.h"
#include "kernels/float_ops.h"
#include "kernels/integer_ops.h"
#include "kernels/odometer.h"
#include "kernels/op.h"
#include "kernels/requantize.h"

namespace octet::kernels {

namespace {

// The walk over the output, whose elements are contiguous: stride[0] of a, stride[1] of b, 0 where
// that operand repeats. Innermost strides are 1 or 0 after joining, which is what the slots take;
// a (C) operand against NHWC becomes runs of C, against NCHW runs of H*W with one code of it.
std::vector<Axis<2>> broadcast_axes(const Shape& a, const Shape& b, const Shape& out) {
  const auto stride = [&](const Shape& shape, int axis) -> std::int64_t {
    const int own = axis - (out.rank() - shape.rank());
    return own < 0 || shape[own] == 1 ? 0 : shape.count(own + 1, shape.rank());
  };
  std::vector<Axis<2>> axes;
  for (int i = 0; i < out.rank(); ++i) axes.push_back({out[i], {stride(a, i), stride(b, i)}});
  return collapse<2>(axes);
}

bool broadcasts(const Shape& shape, const Shape& out) {
  if (shape.rank() > out.rank()) return false;
  for (int i = 0; i < shape.rank(); ++i) {
    if (shape[i] != 1 && shape[i] != out[i + out.rank() - shape.rank()]) return false;
  }
  return true;
}

template <class Params, class Kernel>
class BinaryOp final : public Prepared {
 public:
  BinaryOp(const OpContext& ctx, std::vector<Axis<2>> axes, std::int64_t count, const Params& params, Kernel slot,
           std::string_view form)
      : params_(params),
        slot_(slot),
        count_(count),
        slices_(slices_for(count, 2, ctx.threads)),
        name_(fmt::format("{} {}", ctx.backend.name, form)) {
    if (!axes.empty()) {
      run_ = axes.back();
      axes.pop_back();
    }
    outer_ = Odometer<2>(axes);
  }

  int slices() const override { return slices_; }
  // Slices cut the output anywhere: the first and last run of a slice may be partial.
  void run(const Io& io, int slice) const noexcept override {
    const Range share = share_of(count_, slice, slices_);
    if (share.first >= share.last) return;
    const auto* a = io.input<std::uint8_t>(0);
    const auto* b = io.input<std::uint8_t>(1);
    auto* out = io.output<std::uint8_t>();
    Odometer<2> outer = outer_;
    outer.seek(share.first / run_.size);
    std::int64_t within = share.first % run_.size;
    for (std::int64_t at = share.first; at < share.last; outer.next()) {
      const std::int64_t n = std::min(run_.size - within, share.last - at);
      slot_(params_, a + outer.offset(0) + within * run_.stride[0], static_cast<std::size_t>(run_.stride[0]),
            b + outer.offset(1) + within * run_.stride[1], static_cast<std::size_t>(run_.stride[1]), out + at,
            static_cast<std::size_t>(n));
      at += n;
      within = 0;
    }
  }
  std::string kernel() const override { return name_; }

 private:
  Params params_;
  Kernel slot_;
  Odometer<2> outer_;
  Axis<2> run_{1, {1, 1}};
  std::int64_t count_;
  int slices_;
  std::string name_;
};

const char* name_of(graph::BinaryFn fn) {
  constexpr const char* kNames[] = {"Add", "Sub", "Mul", "Div", "Pow", "Min", "Max"};
  return kNames[static_cast<std::size_t>(fn)];
}

}  // namespace

Result<PreparedOp> prepare_binary(const OpContext& ctx) {
  const auto& attrs = std::get<graph::BinaryAttrs>(ctx.attrs);
  const Operand& out = ctx.outputs[0];
  if (is_integer_type(out.dtype)) return prepare_integer_binary(ctx);
  if (!is_code_type(out.dtype)) return fp32::prepare_binary(ctx);

  const Result<Codes> a = activation_codes_of(ctx, ctx.inputs[0], "input 0");
  if (!a.ok()) return a.status();
  const Result<Codes> b = activation_codes_of(ctx, ctx.inputs[1], "input 1");
  if (!b.ok()) return b.status();
  const Result<Codes> o = activation_codes_of(ctx, out, "the output");
  if (!o.ok()) return o.status();
  const Result<std::int64_t> count = count_of(ctx, out, "the output");
  if (!count.ok()) return count.status();
  const Shape& sa = ctx.inputs[0].shape;
  const Shape& sb = ctx.inputs[1].shape;
  if (!broadcasts(sa, out.shape) || !broadcasts(sb, out.shape)) {
    return ctx.error(
        fmt::format("shapes {} and {} do not broadcast to {}", to_string(sa), to_string(sb), to_string(out.shape)));
  }
  const CodeRange range = code_range(o->dtype, o->scale, o->zero_point, attrs.clamp);
  std::vector<Axis<2>> axes = broadcast_axes(sa, sb, out.shape);

  if (attrs.fn == graph::BinaryFn::mul) {
    const MulParams params =
        mul_params(a->scale, a->zero_point, b->scale, b->zero_point, o->scale, o->zero_point, range, ctx.requant);
    return PreparedOp(
        std::make_unique<BinaryOp<MulParams, MulFn>>(ctx, std::move(axes), *count, params, ctx.backend.mul, "mul"));
  }
  if (attrs.fn == graph::BinaryFn::add || attrs.fn == graph::BinaryFn::sub) {
    const Result<AddParams> params =
        add_params(a->scale, a->zero_point, b->scale, b->zero_point, o->scale, o->zero_point, range,
                   attrs.fn == graph::BinaryFn::add ? 1 : -1, ctx.requant, out.relabelled);
    if (!params.ok()) return ctx.error(params.status().message());
    return PreparedOp(
        std::make_unique<BinaryOp<AddParams, AddFn>>(ctx, std::move(axes), *count, *params, ctx.backend.add, "add"));
  }
  return ctx.error(fmt::format("{} has no rule on codes: only Add, Sub and Mul run in int8", name_of(attrs.fn)));
}

}  // namespace octet::kernels
