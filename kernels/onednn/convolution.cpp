// SPDX-License-Identifier: Apache-2.0
// Convolution and its transpose: the same descriptors with other weights and another primitive.
#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/fp32/checks.h"
#include "kernels/onednn/primitive.h"

namespace octet::kernels::onednn {
namespace {

struct Sizes {
  Dims strides, dilations, pad_begin, pad_end;
  bool valid = true;
};

// oneDNN counts dilation from 0 and derives one size from the other by a division that rounds down,
// so the end padding only has to be right up to the stride, and is never negative. `large` is the
// spatial size on the fine side of the stride (a convolution's input), `small` on the coarse side.
Sizes sizes_of(const graph::Window& window, const Shape& large, const Shape& small) {
  Sizes sizes;
  for (int axis = 0; axis < 2; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilation[i] + 1;
    const std::int64_t end = (small[1 + axis] - 1) * window.stride[i] + reach - large[1 + axis] - window.pad_begin[i];
    sizes.strides.push_back(window.stride[i]);
    sizes.dilations.push_back(window.dilation[i] - 1);
    sizes.pad_begin.push_back(window.pad_begin[i]);
    sizes.pad_end.push_back(std::max<std::int64_t>(0, end));
    sizes.valid = sizes.valid && window.pad_begin[i] >= 0 && end > -window.stride[i];
  }
  return sizes;
}

// Weights in oneDNN's logical order, (out, in, kh, kw) or (groups, out, in, kh, kw).
template <class Primitive>
PreparedOp make(const OpContext& context, const graph::Window& window, const graph::Clamp& clamp,
                dnnl::algorithm algorithm, const Sizes& sizes, std::int64_t groups, Tag plain, const char* name,
                std::int64_t pixels) {
  const Shape &in = context.inputs[0].shape, &out = context.outputs[0].shape;
  if (!sizes.valid) return nullptr;
  Dims dims{out[3] / groups, in[3] / groups, window.kernel[0], window.kernel[1]};
  if (groups > 1) dims.insert(dims.begin(), groups);

  const auto source = nhwc_desc(in), target = nhwc_desc(out);
  const auto any_weights = float_desc(dims, Tag::any), given_weights = float_desc(dims, plain);
  const auto bias = float_desc({out[3]}, Tag::x);
  const auto attributes = attributes_for(clamp);
  const auto kind = dnnl::prop_kind::forward_inference;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const auto description =
      context.has_input(2) ? describe<Primitive>(engine, attributes, kind, algorithm, source, any_weights, bias, target,
                                                 sizes.strides, sizes.dilations, sizes.pad_begin, sizes.pad_end)
                           : describe<Primitive>(engine, attributes, kind, algorithm, source, any_weights, target,
                                                 sizes.strides, sizes.dilations, sizes.pad_begin, sizes.pad_end);

  const double macs = static_cast<double>(pixels) * static_cast<double>(context.inputs[1].shape.count());
  auto op = std::make_unique<PrimitiveOp>(context, engine, name, macs);
  op->set_primitive<Primitive>(description);
  op->bind_input(DNNL_ARG_SRC, source, 0);
  op->bind_constant(DNNL_ARG_WEIGHTS, given_weights, description.weights_desc(), context.inputs[1], 1);
  if (context.has_input(2)) op->bind_input(DNNL_ARG_BIAS, bias, 2);
  op->bind_output(DNNL_ARG_DST, target);
  return op;
}

std::int64_t pixels_of(const Shape& nhwc) { return nhwc.count(0, 3); }

}  // namespace

PreparedOp convolution(const OpContext& context, const graph::Conv2dAttrs& attrs) {
  const Shape &in = context.inputs[0].shape, &out = context.outputs[0].shape;
  if (attrs.residual.present || !fp32::check_image_op(context, attrs.window, attrs.channels_last) ||
      !fp32::check_groups(context, attrs.groups) ||
      !fp32::check_weights(context, {out[3], in[3] / attrs.groups, attrs.window.kernel[0], attrs.window.kernel[1]})) {
    return nullptr;
  }
  return make<dnnl::convolution_forward>(context, attrs.window, attrs.clamp, dnnl::algorithm::convolution_auto,
                                         sizes_of(attrs.window, in, out), attrs.groups,
                                         attrs.groups > 1 ? Tag::goihw : Tag::oihw, "convolution", pixels_of(out));
}

PreparedOp transposed_convolution(const OpContext& context, const graph::ConvTranspose2dAttrs& attrs) {
  const Shape &in = context.inputs[0].shape, &out = context.outputs[0].shape;
  if (!fp32::check_image_op(context, attrs.window, attrs.channels_last) || !fp32::check_groups(context, attrs.groups) ||
      !fp32::check_weights(context, {in[3], out[3] / attrs.groups, attrs.window.kernel[0], attrs.window.kernel[1]})) {
    return nullptr;
  }
  return make<dnnl::deconvolution_forward>(
      context, attrs.window, attrs.clamp, dnnl::algorithm::deconvolution_direct, sizes_of(attrs.window, out, in),
      attrs.groups, attrs.groups > 1 ? Tag::giohw : Tag::iohw, "transposed convolution", pixels_of(in));
}

}  // namespace octet::kernels::onednn
