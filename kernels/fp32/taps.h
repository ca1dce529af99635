// SPDX-License-Identifier: Apache-2.0
// Which taps of a sliding window lie inside the image, per output coordinate of one axis. Convolution,
// its transpose and pooling differ only in this table.
#pragma once

#include <cstdint>
#include <vector>

#include "graph/attrs.h"
#include "kernels/op.h"

namespace octet::kernels::fp32 {

struct AxisTaps {
  // Tap i < count of this output is window index `tap + i*tap_step`; it reads image index
  // `source + i*source_step`.
  struct At {
    std::int64_t tap, source, count;
  };
  std::vector<At> at;  // one per output coordinate
  std::int64_t tap_step = 1, source_step = 1;
};

// One axis of a window, checked by check_window.
struct AxisWindow {
  std::int64_t in, out, kernel, stride, dilation, pad_begin;
};
AxisWindow axis_window(const graph::Window& window, const Shape& in, const Shape& out, int axis);

AxisTaps window_taps(const AxisWindow& window);      // source = out*stride - pad + tap*dilation
AxisTaps transposed_taps(const AxisWindow& window);  // source = (out + pad - tap*dilation) / stride, where whole

// Output coordinates whose taps are the same part of the window, at most kMost of them: they share
// one (partial) set of weights.
struct Chunk {
  static constexpr std::size_t kMost = 8;
  std::vector<std::int64_t> outputs;
};
std::vector<Chunk> chunks_of_equal_taps(const AxisTaps& taps);

}  // namespace octet::kernels::fp32
