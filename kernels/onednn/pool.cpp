// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>

#include "kernels/fp32/checks.h"
#include "kernels/onednn/primitive.h"

namespace octet::kernels::onednn {

PreparedOp pool(const OpContext& context, const graph::PoolAttrs& attrs) {
  const Shape &in = context.inputs[0].shape, &out = context.outputs[0].shape;
  const graph::Window window = fp32::pool_window(context, attrs);
  if (!fp32::check_image_op(context, window, attrs.channels_last)) return nullptr;
  const bool average = attrs.kind == graph::PoolKind::average;
  Dims pad_end;
  for (int axis = 0; axis < 2; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const std::int64_t reach = (window.kernel[i] - 1) * window.dilation[i] + 1;
    // What the output size makes of it: less than given where windows do not come out even, more
    // where ceil_mode lets the last one hang over.
    const std::int64_t end = (out[1 + axis] - 1) * window.stride[i] + reach - in[1 + axis] - window.pad_begin[i];
    // oneDNN would count the overhang as padding, and wants at least one element in every window.
    if (average && attrs.count_include_pad && end > window.pad_end[i]) return nullptr;
    if (window.pad_begin[i] < 0 || window.pad_begin[i] >= reach || end >= reach || end <= -window.stride[i]) {
      return nullptr;
    }
    if (window.dilation[i] > 1 && window.pad_begin[i] + std::max<std::int64_t>(0, end) > 0) return nullptr;
    pad_end.push_back(std::max<std::int64_t>(0, end));
  }
  const auto algorithm = !average                  ? dnnl::algorithm::pooling_max
                         : attrs.count_include_pad ? dnnl::algorithm::pooling_avg_include_padding
                                                   : dnnl::algorithm::pooling_avg_exclude_padding;
  const auto dims = [](const std::array<std::int64_t, 2>& values) { return Dims{values[0], values[1]}; };
  Dims dilation;  // counted from 0, and refused where there is but one element to spread
  for (std::size_t i = 0; i < 2; ++i) dilation.push_back(window.kernel[i] == 1 ? 0 : window.dilation[i] - 1);
  const auto source = nhwc_desc(in), target = nhwc_desc(out);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const auto description =
      describe<Pooling>(engine, attributes_for(), dnnl::prop_kind::forward_inference, algorithm, source, target,
                        dims(window.stride), dims(window.kernel), dilation, dims(window.pad_begin), pad_end);
  auto op = std::make_unique<PrimitiveOp>(context, engine, average ? "average pool" : "max pool", 0.0);
  op->set_primitive<Pooling>(description);
  op->bind_input(DNNL_ARG_SRC, source, 0);
  op->bind_output(DNNL_ARG_DST, target);
  return op;
}

}  // namespace octet::kernels::onednn
