// SPDX-License-Identifier: Apache-2.0
// Sliding windows of convolutions and pools: how ONNX writes them, and how far they slide.
#pragma once

#include <octet/status.h>

#include <array>
#include <cstdint>

#include "graph/attrs.h"
#include "graph/graph.h"
#include "graph/import/onnx_node.h"

namespace octet::graph {

// The four sizes of an image batch, whichever way it lies in memory; -1 where unknown.
struct ImageSize {
  std::int64_t batch = Shape::kUnknown, channels = Shape::kUnknown;
  std::array<std::int64_t, 2> image{Shape::kUnknown, Shape::kUnknown};  // height, width
};
// `shape` has rank 4.
ImageSize image_size(const Shape& shape, bool channels_last);
Shape shape_of(const ImageSize& size, bool channels_last);

// Error unless the shape of input 0 has rank 4 or is unknown.
Status expect_image(const Graph& graph, const Node& node);

// How many spatial axes the ONNX node has, 1 or 2: from kernel_shape, else from the rank of
// input `like`; other numbers are refused.
Result<int> spatial_axes(const ImportContext& context, std::size_t like);

// kernel_shape (where present), strides, dilations, pads and auto_pad. A window over one axis
// becomes one of height 1 over two.
Result<Window> read_window(const ImportContext& context, int spatial);
// A list attribute with one entry per spatial axis; `otherwise` in every place if it is absent.
Result<std::array<std::int64_t, 2>> read_per_axis(const ImportContext& context, std::string_view attribute, int spatial,
                                                  std::int64_t otherwise, std::int64_t least);

// Attributes of a convolution's or pool's import over one axis stand between these two: an axis of
// size 1 put before the width, and taken away again.
ValueId add_height(ImportContext& context, ValueId value, std::string_view suffix);
Status drop_height(ImportContext& context, ValueId value);

// Emits `op` over images: as it is for two spatial axes, between add_height and drop_height for one.
Status emit_spatial(ImportContext& context, int spatial, Op op, std::vector<ValueId> inputs, Attrs attrs);

// Distance from the first to the last tap, plus one.
constexpr std::int64_t extent(const Window& window, std::size_t axis) {
  return window.dilation[axis] * (window.kernel[axis] - 1) + 1;
}

// A convolution's kernel size is that of its weight (..., kh, kw); one of 0 was not given otherwise.
Status take_kernel(const Node& node, Window& window, const Shape& weight);

// Positions of the window along each axis of an image; -1 where the size is unknown. auto_pad
// becomes explicit pads where both sizes are known.
Result<std::array<std::int64_t, 2>> slide(const Node& node, Window& window, const std::array<std::int64_t, 2>& image,
                                          bool ceil_mode);

}  // namespace octet::graph
