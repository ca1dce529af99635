// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "graph/inference.h"
#include "graph/op.h"
#include "graph/window.h"

namespace octet::graph {
namespace {

Status import_conv_transpose(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 3); !status) return status;
  const auto spatial = spatial_axes(context, 1);
  if (!spatial) return spatial.status();
  ConvTranspose2dAttrs attrs;
  auto window = read_window(context, *spatial);
  if (!window) return window.status();
  attrs.window = *window;
  if (!context.has("kernel_shape")) attrs.window.kernel = {0, 0};  // inference takes it from the weight
  auto output_padding = read_per_axis(context, "output_padding", *spatial, 0, 0);
  if (!output_padding) return output_padding.status();
  attrs.output_padding = *output_padding;
  if (context.has("output_shape")) {
    auto output_shape = read_per_axis(context, "output_shape", *spatial, 1, 1);
    if (!output_shape) return output_shape.status();
    attrs.output_shape = *output_shape;
  }
  attrs.groups = context.integer("group", 1);

  std::vector<ValueId> inputs = context.inputs;
  if (*spatial == 1) inputs[1] = add_height(context, inputs[1], "weight");
  return emit_spatial(context, *spatial, Op::ConvTranspose2d, std::move(inputs), std::move(attrs));
}

// The weight is (in, out/groups, kh, kw).
Status check_weight(const Node& node, ConvTranspose2dAttrs& attrs, const Shape& weight, std::int64_t channels) {
  if (Status status = take_kernel(node, attrs.window, weight); !status) return status;
  if (weight[0] >= 0 && (weight[0] < 1 || weight[0] % attrs.groups != 0)) {
    return node_error(node, fmt::format("{} input channels: must be a multiple of groups {}", weight[0], attrs.groups));
  }
  if (!may_equal(channels, weight[0])) {
    return node_error(
        node, fmt::format("{} input channels: the weight {} must have as many rows", channels, to_string(weight)));
  }
  if (weight[1] == 0 || attrs.groups > std::numeric_limits<std::int32_t>::max()) {
    return node_error(
        node, fmt::format("{} output channels in each of {} groups: must be at least 1", weight[1], attrs.groups));
  }
  return {};
}

// What the output would measure without pads.
std::int64_t unpadded(const ConvTranspose2dAttrs& attrs, std::size_t axis, std::int64_t size) {
  return attrs.window.stride[axis] * (size - 1) + attrs.output_padding[axis] + extent(attrs.window, axis);
}

// Pads that make the output `wanted` long: the odd one goes behind for same_upper, else before. Where
// the output must be longer than the taps reach, it is padded behind (less than one stride).
Status resolve_pads(const Node& node, ConvTranspose2dAttrs& attrs, std::size_t axis, std::int64_t size,
                    std::int64_t wanted) {
  const std::int64_t total = unpadded(attrs, axis, size) - wanted;
  if (total <= -attrs.window.stride[axis]) {
    return node_error(node, fmt::format("output size {} at axis {}: the taps reach only {}", wanted, axis,
                                        unpadded(attrs, axis, size)));
  }
  const std::int64_t less = std::max<std::int64_t>(total, 0) / 2, more = std::max<std::int64_t>(total, 0) - less;
  const bool upper = attrs.window.auto_pad == AutoPad::same_upper;
  attrs.window.pad_begin[axis] = upper ? less : more;
  attrs.window.pad_end[axis] = upper ? more : less;
  if (total < 0) attrs.output_padding[axis] -= total;
  return {};
}

// Output sizes; auto_pad and output_shape are resolved once both image sizes are known.
Status spread(const Node& node, ConvTranspose2dAttrs& attrs, const ImageSize& in, ImageSize& out) {
  const bool given = attrs.output_shape[0] > 0;
  const bool same = attrs.window.auto_pad == AutoPad::same_upper || attrs.window.auto_pad == AutoPad::same_lower;
  const bool known = in.image[0] > 0 && in.image[1] > 0;
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t size = in.image[axis];
    if (size == 0) return node_error(node, fmt::format("input size 0 at axis {}: must be at least 1", axis));
    if (given || same) {
      const std::int64_t wanted = given ? attrs.output_shape[axis] : size < 0 ? -1 : size * attrs.window.stride[axis];
      out.image[axis] = wanted;
      if (!known) continue;
      if (Status status = resolve_pads(node, attrs, axis, size, wanted); !status) return status;
    }
    if (size < 0) continue;
    out.image[axis] = unpadded(attrs, axis, size) - attrs.window.pad_begin[axis] - attrs.window.pad_end[axis];
    if (out.image[axis] < 1) {
      return node_error(
          node, fmt::format("output size {} at axis {}: must be at least 1 (pads {} and {})", out.image[axis], axis,
                            attrs.window.pad_begin[axis], attrs.window.pad_end[axis]));
    }
  }
  if (known || !same) attrs.window.auto_pad = AutoPad::none;
  if (known) attrs.output_shape = {0, 0};
  return {};
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 2, 3); !status) return status;
  if (Status status = expect_image(graph, node); !status) return status;
  if (Status status = expect_activation(graph, node, 0); !status) return status;
  if (Status status = expect_activation(graph, node, 1); !status) return status;
  auto& attrs = node.as<ConvTranspose2dAttrs>();
  if (attrs.groups < 1) return node_error(node, fmt::format("groups {}: must be at least 1", attrs.groups));

  const Value& x = graph.input(node, 0);
  const Value& w = graph.input(node, 1);
  const ImageSize in = x.shape_known ? image_size(x.shape, attrs.channels_last) : ImageSize{};
  ImageSize out{in.batch};
  if (w.shape_known) {
    if (Status status = check_weight(node, attrs, w.shape, in.channels); !status) return status;
    if (w.shape[1] > 0) out.channels = w.shape[1] * attrs.groups;
    if (Status status = spread(node, attrs, in, out); !status) return status;
  }
  if (node.has_input(2)) {
    if (Status status = expect_vector(graph, node, 2, out.channels, "the bias"); !status) return status;
  }
  set_activation(graph, node, shape_of(out, attrs.channels_last));
  return {};
}

constexpr OnnxRule kRules[] = {{"ConvTranspose", import_conv_transpose}};

}  // namespace

const OpSchema conv_transpose2d_schema = {kRules, infer};

}  // namespace octet::graph
