// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "graph/convolution.h"
#include "graph/inference.h"
#include "graph/op.h"
#include "graph/window.h"

namespace octet::graph {
namespace {

Status import_conv(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 3); !status) return status;
  const auto spatial = spatial_axes(context, 1);
  if (!spatial) return spatial.status();
  Conv2dAttrs attrs;
  auto window = read_window(context, *spatial);
  if (!window) return window.status();
  attrs.window = *window;
  attrs.groups = context.integer("group", 1);
  if (!context.has("kernel_shape")) attrs.window.kernel = {0, 0};  // inference takes it from the weight

  std::vector<ValueId> inputs = context.inputs;
  if (*spatial == 1) inputs[1] = add_height(context, inputs[1], "weight");
  return emit_spatial(context, *spatial, Op::Conv2d, std::move(inputs), std::move(attrs));
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 2, 4); !status) return status;
  if (Status status = expect_image(graph, node); !status) return status;
  if (Status status = expect_activation(graph, node, 0); !status) return status;
  if (Status status = expect_activation(graph, node, 1); !status) return status;
  auto& attrs = node.as<Conv2dAttrs>();
  const auto out = convolved(graph, node, 1, attrs.window, attrs.groups, attrs.channels_last);
  if (!out) return out.status();
  if (node.has_input(2)) {
    if (Status status = expect_vector(graph, node, 2, out->channels, "the bias"); !status) return status;
  }
  const Shape shape = shape_of(*out, attrs.channels_last);
  if (node.has_input(3) && graph.input(node, 3).shape_known && shape.is_known() &&
      graph.input(node, 3).shape.is_known() && !(graph.input(node, 3).shape == shape)) {
    return node_error(node, fmt::format("residual shape {}: must be that of the output {}",
                                        to_string(graph.input(node, 3).shape), to_string(shape)));
  }
  set_activation(graph, node, shape);
  return {};
}

constexpr OnnxRule kRules[] = {{"Conv", import_conv}};

}  // namespace

const OpSchema conv2d_schema = {kRules, infer};

}  // namespace octet::graph
