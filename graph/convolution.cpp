// SPDX-License-Identifier: Apache-2.0
#include "graph/convolution.h"

#include <fmt/format.h>

#include "graph/op.h"

namespace octet::graph {
namespace {

// What the weight must have in common with the attributes and the image.
Status check_weight(const Node& node, Window& window, std::int64_t groups, const Shape& weight, std::int64_t channels) {
  if (Status status = take_kernel(node, window, weight); !status) return status;
  if (weight[0] >= 0 && (weight[0] < 1 || weight[0] % groups != 0))
    return node_error(node, fmt::format("{} output channels: must be a multiple of groups {}", weight[0], groups));
  if (channels >= 0 && weight[1] >= 0 && (channels % groups != 0 || channels / groups != weight[1])) {
    return node_error(node, fmt::format("{} input channels in {} groups: the weight {} must have {} times {} of them",
                                        channels, groups, to_string(weight), groups, weight[1]));
  }
  return {};
}

}  // namespace

Result<ImageSize> convolved(const Graph& graph, const Node& node, std::size_t weight, Window& window,
                            std::int64_t groups, bool channels_last) {
  if (groups < 1) return node_error(node, fmt::format("groups {}: must be at least 1", groups));
  const Value &x = graph.input(node, 0), &w = graph.input(node, weight);
  const ImageSize in = x.shape_known ? image_size(x.shape, channels_last) : ImageSize{};
  ImageSize out{in.batch};
  if (!w.shape_known) return out;
  if (Status status = check_weight(node, window, groups, w.shape, in.channels); !status) return status;
  out.channels = w.shape[0];
  auto stops = slide(node, window, in.image, false);
  if (!stops) return stops.status();
  out.image = *stops;
  return out;
}

}  // namespace octet::graph
