// SPDX-License-Identifier: Apache-2.0
#include "kernels/fp32/taps.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <utility>

namespace octet::kernels::fp32 {
namespace {

std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return a > 0 ? (a + b - 1) / b : -(-a / b); }

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

}  // namespace octet::kernels::fp32
