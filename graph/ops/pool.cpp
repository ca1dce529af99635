// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "graph/inference.h"
#include "graph/op.h"
#include "graph/window.h"

namespace octet::graph {
namespace {

bool is_codes(const Value& value) { return value.dtype == DType::u8 || value.dtype == DType::s8; }

// Bytes that nobody has given a meaning are codes of themselves.
void give_meaning(ImportContext& context, ValueId id) {
  Value& x = context.graph[id];
  if (is_codes(x) && !x.is_quantized()) x.quant = {{1.0F}, {0}, -1};
}

Status import_pool(ImportContext& context, PoolKind kind) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  if (kind == PoolKind::max) give_meaning(context, context.inputs[0]);
  if (!context.has("kernel_shape")) return context.error("attribute 'kernel_shape' is absent: it is not optional");
  const auto spatial = spatial_axes(context, 0);
  if (!spatial) return spatial.status();
  auto window = read_window(context, *spatial);
  if (!window) return window.status();
  PoolAttrs attrs;
  attrs.kind = kind;
  attrs.window = *window;
  attrs.ceil_mode = context.integer("ceil_mode", 0) != 0;
  attrs.count_include_pad = context.integer("count_include_pad", 0) != 0;
  // storage_order only says how the indices, output 1 of MaxPool, are counted; emit() refuses that output.
  return emit_spatial(context, *spatial, Op::Pool, {context.inputs[0]}, attrs);
}

Status import_global(ImportContext& context, PoolKind kind) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const Value& x = context.graph[context.inputs[0]];
  const int spatial = x.shape_known ? x.shape.rank() - 2 : 2;
  if (spatial != 1 && spatial != 2) {
    return context.error(fmt::format("input shape {}: supported are 1 and 2 spatial axes", to_string(x.shape)));
  }
  PoolAttrs attrs;
  attrs.kind = kind;
  attrs.global = true;
  return emit_spatial(context, spatial, Op::Pool, {context.inputs[0]}, attrs);
}

Status import_max(ImportContext& context) { return import_pool(context, PoolKind::max); }
Status import_average(ImportContext& context) { return import_pool(context, PoolKind::average); }
Status import_global_max(ImportContext& context) { return import_global(context, PoolKind::max); }
Status import_global_average(ImportContext& context) { return import_global(context, PoolKind::average); }

// Every window must see at least one element of the image: a maximum or an average of none has no value.
Status check_coverage(const Node& node, const Window& window, const std::array<std::int64_t, 2>& image) {
  for (std::size_t axis = 0; axis < 2; ++axis) {
    const std::int64_t begin = window.pad_begin[axis], end = window.pad_end[axis];
    if (begin >= extent(window, axis) || end >= extent(window, axis)) {
      return node_error(node, fmt::format("pads {} and {} at axis {}: must be less than the window's span {}", begin,
                                          end, axis, extent(window, axis)));
    }
    const std::int64_t gap = window.dilation[axis];
    if (begin + end > 0 && window.kernel[axis] > 1 && image[axis] >= 0 && image[axis] < gap) {
      return node_error(node, fmt::format("dilation {} at axis {} with pads: must not exceed the input size {}", gap,
                                          axis, image[axis]));
    }
  }
  return {};
}

// Between Quantize and Dequantize a MaxPool moves codes: whichever side knows their parameters tells
// the other.
void move_codes(Value& from, Value& to) {
  if (to.is_quantized()) {
    if (!from.is_quantized() && from.dtype == to.dtype) from.quant = to.quant;
    return;
  }
  to.dtype = from.dtype;
  to.quant = from.quant;
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 1, 1); !status) return status;
  auto& attrs = node.as<PoolAttrs>();
  const Value& x = graph.input(node, 0);
  if (Status status = expect_image(graph, node); !status) return status;
  if (attrs.kind == PoolKind::max && is_codes(graph.input(node, 0))) {
    move_codes(graph.input(node, 0), graph.output(node));
  } else if (Status status = expect_activation(graph, node, 0); !status) {
    return status;
  } else if (!graph.output(node).is_quantized()) {
    graph.output(node).dtype = DType::f32;
  }
  if (!x.shape_known) {
    graph.output(node).shape_known = false;
    return {};
  }
  const ImageSize in = image_size(x.shape, attrs.channels_last);
  ImageSize out{in.batch, in.channels};
  if (attrs.global) {
    for (std::size_t axis = 0; axis < 2; ++axis) {
      if (in.image[axis] == 0)
        return node_error(node, fmt::format("input size 0 at axis {}: must be at least 1", axis));
    }
    if (in.image[0] > 0 && in.image[1] > 0) attrs.window.kernel = in.image;
    out.image = {1, 1};
  } else {
    auto stops = slide(node, attrs.window, in.image, attrs.ceil_mode);
    if (!stops) return stops.status();
    if (Status status = check_coverage(node, attrs.window, in.image); !status) return status;
    out.image = *stops;
  }
  graph.output(node).shape = shape_of(out, attrs.channels_last);
  graph.output(node).shape_known = true;
  return {};
}

constexpr OnnxRule kRules[] = {
    {"MaxPool", import_max},
    {"AveragePool", import_average},
    {"GlobalMaxPool", import_global_max},
    {"GlobalAveragePool", import_global_average},
};

}  // namespace

const OpSchema pool_schema = {kRules, infer};

}  // namespace octet::graph
