// SPDX-License-Identifier: Apache-2.0
#include "kernels/fp32/checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace octet::kernels::fp32 {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();

Status check_range(const OpContext& context, const char* what, const std::array<std::int64_t, 2>& values,
                   std::int64_t least) {
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (values[axis] < least || values[axis] > kLargest) {
      return context.error(
          fmt::format("{} {} at axis {}: must be in [{}, {}]", what, values[axis], axis, least, kLargest));
    }
  }
  return {};
}

}  // namespace

Status check_image_op(const OpContext& context, const graph::Window& window, bool channels_last) {
  const Shape &in = context.inputs[0].shape, &out = context.outputs[0].shape;
  if (!channels_last) return context.error("layout NCHW: float images must be channels-last here");
  if (in.rank() != 4 || out.rank() != 4) {
    return context.error(fmt::format("input {} and output {}: both must have rank 4", to_string(in), to_string(out)));
  }
  if (in[0] != out[0]) {
    return context.error(
        fmt::format("input {} and output {}: the batch must be the same", to_string(in), to_string(out)));
  }
  for (const Shape* shape : {&in, &out}) {
    if (std::any_of(shape->begin(), shape->end(), [](std::int64_t size) { return size < 0 || size > kLargest; })) {
      return context.error(fmt::format("shape {}: sizes must be in [0, {}]", to_string(*shape), kLargest));
    }
  }
  for (const Status& status :
       {check_range(context, "kernel size", window.kernel, 1), check_range(context, "stride", window.stride, 1),
        check_range(context, "dilation", window.dilation, 1),
        check_range(context, "padding", window.pad_begin, -kLargest),
        check_range(context, "padding", window.pad_end, -kLargest)}) {
    if (!status) return status;
  }
  return {};
}

Status check_groups(const OpContext& context, std::int64_t groups) {
  const std::int64_t in = context.inputs[0].shape[3], out = context.outputs[0].shape[3];
  if (groups >= 1 && in % groups == 0 && out % groups == 0) return {};
  return context.error(fmt::format("{} groups: must divide {} input and {} output channels", groups, in, out));
}

Status check_weights(const OpContext& context, const Shape& expected) {
  const Operand& weights = context.inputs[1];
  if (weights.constant == nullptr) return context.error("weights are computed at run time: they must be constant");
  if (weights.shape != expected) {
    return context.error(fmt::format("weights {}: must be {}", to_string(weights.shape), to_string(expected)));
  }
  if (expected.count() == 0) return context.error("weights have no elements: every size must be at least 1");
  if (context.has_input(2) && context.inputs[2].shape != Shape{context.outputs[0].shape[3]}) {
    return context.error(fmt::format("bias {}: must have one entry for each of the {} output channels",
                                     to_string(context.inputs[2].shape), context.outputs[0].shape[3]));
  }
  return {};
}

Status check_dense(const OpContext& context) {
  const Shape &x = context.inputs[0].shape, &weights = context.inputs[1].shape, &out = context.outputs[0].shape;
  const int last = x.rank() - 1;
  if (weights.rank() != 2 || last < 0 || x.rank() != out.rank() || x[last] != weights[1] || out[last] != weights[0] ||
      out.count(0, last) != x.count(0, last)) {
    return context.error(fmt::format("input {}, weights {}, output {}: must be (..., k), (n, k), (..., n)",
                                     to_string(x), to_string(weights), to_string(out)));
  }
  if (context.has_input(2) && context.inputs[2].shape != Shape{weights[0]}) {
    return context.error(fmt::format("bias {}: must be [{}]", to_string(context.inputs[2].shape), weights[0]));
  }
  return {};
}

graph::Window pool_window(const OpContext& context, const graph::PoolAttrs& attrs) {
  if (!attrs.global || context.inputs[0].shape.rank() != 4) return attrs.window;
  graph::Window window;
  window.kernel = {context.inputs[0].shape[1], context.inputs[0].shape[2]};
  return window;
}

}  // namespace octet::kernels::fp32
