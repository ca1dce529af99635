// SPDX-License-Identifier: Apache-2.0
#include "kernels/fp32/taps.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <numeric>
#include <utility>

namespace octet::kernels::fp32 {
namespace {

constexpr std::int64_t kLargest = std::numeric_limits<std::int32_t>::max();

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a > 0 ? (a + b - 1) / b : -(-a / b); }

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

AxisWindow axis_window(const graph::Window& window, const Shape& in, const Shape& out, int axis) {
  const auto i = static_cast<std::size_t>(axis);
  return {in[1 + axis], out[1 + axis], window.kernel[i], window.stride[i], window.dilation[i], window.pad_begin[i]};
}

AxisTaps window_taps(const AxisWindow& w) {
  AxisTaps taps;
  taps.source_step = w.dilation;
  taps.at.reserve(static_cast<std::size_t>(w.out));
  for (std::int64_t out = 0; out < w.out; ++out) {
    const std::int64_t start = out * w.stride - w.pad_begin;
    const std::int64_t first = std::max<std::int64_t>(0, ceil_div(-start, w.dilation));
    const std::int64_t last = std::min(w.kernel, ceil_div(w.in - start, w.dilation));
    taps.at.push_back(first < last ? AxisTaps::At{first, start + first * w.dilation, last - first}
                                   : AxisTaps::At{0, 0, 0});
  }
  return taps;
}

AxisTaps transposed_taps(const AxisWindow& w) {
  AxisTaps taps;
  const std::int64_t common = std::gcd(w.stride, w.dilation);
  taps.tap_step = w.stride / common;
  taps.source_step = -(w.dilation / common);
  taps.at.reserve(static_cast<std::size_t>(w.out));
  for (std::int64_t out = 0; out < w.out; ++out) {
    const std::int64_t position = out + w.pad_begin;
    AxisTaps::At at{0, 0, 0};
    for (std::int64_t tap = 0; tap < w.kernel; ++tap) {  // as many as there are weights
      const std::int64_t scaled = position - tap * w.dilation;
      if (scaled < 0) break;
      if (scaled % w.stride != 0 || scaled / w.stride >= w.in) continue;
      if (at.count == 0) at = {tap, scaled / w.stride, 0};
      ++at.count;
    }
    taps.at.push_back(at);
  }
  return taps;
}

std::vector<Chunk> chunks_of_equal_taps(const AxisTaps& taps) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::int64_t>> classes;
  for (std::size_t out = 0; out < taps.at.size(); ++out) {
    classes[{taps.at[out].tap, taps.at[out].count}].push_back(static_cast<std::int64_t>(out));
  }
  std::vector<Chunk> chunks;
  for (const auto& [key, outputs] : classes) {
    for (std::size_t first = 0; first < outputs.size(); first += Chunk::kMost) {
      const std::size_t last = std::min(first + Chunk::kMost, outputs.size());
      chunks.push_back({{outputs.begin() + static_cast<std::ptrdiff_t>(first),
                         outputs.begin() + static_cast<std::ptrdiff_t>(last)}});
    }
  }
  return chunks;
}

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

}  // namespace octet::kernels::fp32
