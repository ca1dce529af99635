// SPDX-License-Identifier: Apache-2.0
#include "graph/window.h"

#include <fmt/format.h>

#include <algorithm>

#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {

ImageSize image_size(const Shape& shape, bool channels_last) {
  if (channels_last) return {shape[0], shape[3], {shape[1], shape[2]}};
  return {shape[0], shape[1], {shape[2], shape[3]}};
}

Shape shape_of(const ImageSize& size, bool channels_last) {
  if (channels_last) return {size.batch, size.image[0], size.image[1], size.channels};
  return {size.batch, size.channels, size.image[0], size.image[1]};
}

Status expect_image(const Graph& graph, const Node& node) {
  const Value& x = graph.input(node, 0);
  if (!x.shape_known || x.shape.rank() == 4) return {};
  return node_error(
      node, fmt::format("input shape {}: must have rank 4 (batch, channels, height, width)", to_string(x.shape)));
}

namespace {

// Far above any network's; keeps what is sized by a window (and a hostile file's memory) in bounds.
constexpr std::int64_t kMostTaps = std::int64_t{1} << 20;
constexpr std::int64_t kMostExtent = std::int64_t{1} << 31;

Status check_taps(const Node& node, const Window& window) {
  if (window.kernel[0] > kMostTaps / window.kernel[1] || extent(window, 0) > kMostExtent ||
      extent(window, 1) > kMostExtent) {
    return node_error(
        node,
        fmt::format("kernel {}x{} with dilation {}x{}: must have at most {} taps and span at most {}", window.kernel[0],
                    window.kernel[1], window.dilation[0], window.dilation[1], kMostTaps, kMostExtent));
  }
  return {};
}

// `same` pads so that the window stops at every stride-th element; an odd element goes behind the
// image (upper) or before it (lower).
void resolve_same(Window& window, std::size_t axis, std::int64_t size) {
  const std::int64_t stops = (size + window.stride[axis] - 1) / window.stride[axis];
  const std::int64_t total = std::max<std::int64_t>((stops - 1) * window.stride[axis] + extent(window, axis) - size, 0);
  const std::int64_t less = total / 2, more = total - less;
  window.pad_begin[axis] = window.auto_pad == AutoPad::same_upper ? less : more;
  window.pad_end[axis] = window.auto_pad == AutoPad::same_upper ? more : less;
}

Result<std::int64_t> stops_along(const Node& node, const Window& window, std::size_t axis, std::int64_t size,
                                 bool ceil_mode) {
  const std::int64_t padded = size + window.pad_begin[axis] + window.pad_end[axis];
  const std::int64_t room = padded - extent(window, axis);
  if (size < 1 || room < 0) {
    return node_error(node, fmt::format("the window spans {} at axis {}: must fit into the padded size {} (input {})",
                                        extent(window, axis), axis, padded, size));
  }
  const std::int64_t stride = window.stride[axis];
  std::int64_t stops = room / stride + 1;
  // A last, partial window counts if it starts inside the image or its leading pad.
  if (ceil_mode && room % stride != 0 && stops * stride < size + window.pad_begin[axis]) ++stops;
  return stops;
}

}  // namespace

Status take_kernel(const Node& node, Window& window, const Shape& weight) {
  if (weight.rank() != 4) {
    return node_error(node, fmt::format("weight shape {}: must have rank 4", to_string(weight)));
  }
  for (std::size_t axis = 0; axis < 2; ++axis) {
    std::int64_t& size = window.kernel[axis];
    const std::int64_t given = weight[2 + static_cast<int>(axis)];
    if (size == 0 && given > 0) size = given;
    if (size < 1 || !may_equal(given, size)) {
      return node_error(node, fmt::format("kernel size {} at axis {}: must be at least 1 and agree with the weight {}",
                                          size, axis, to_string(weight)));
    }
  }
  return check_taps(node, window);
}

Result<std::array<std::int64_t, 2>> slide(const Node& node, Window& window, const std::array<std::int64_t, 2>& image,
                                          bool ceil_mode) {
  if (Status status = check_taps(node, window); !status) return status;
  const bool same = window.auto_pad == AutoPad::same_upper || window.auto_pad == AutoPad::same_lower;
  std::array<std::int64_t, 2> stops{Shape::kUnknown, Shape::kUnknown};
  for (std::size_t axis = 0; axis < 2; ++axis) {
    if (image[axis] < 0) continue;
    if (same) resolve_same(window, axis, image[axis]);
    auto along = stops_along(node, window, axis, image[axis], ceil_mode);
    if (!along) return along.status();
    stops[axis] = *along;
  }
  if (!same || (image[0] >= 0 && image[1] >= 0)) window.auto_pad = AutoPad::none;
  return stops;
}

}  // namespace octet::graph
