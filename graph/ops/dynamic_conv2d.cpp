// SPDX-License-Identifier: Apache-2.0
// A convolution of codes whose zero point is only known when run, as DynamicQuantize makes them, with constant
// weights. Padding is that zero point.
#include "graph/convolution.h"
#include "graph/dynamic_operands.h"
#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status infer(Graph& graph, Node& node) {
  if (Status status = check_dynamic_operands(graph, node, 4); !status) return status;
  if (Status status = expect_image(graph, node); !status) return status;
  auto& attrs = node.as<DynamicConv2dAttrs>();
  const auto out = convolved(graph, node, 2, attrs.window, attrs.groups, attrs.channels_last);
  if (!out) return out.status();
  set_activation(graph, node, shape_of(*out, attrs.channels_last));
  return {};
}

}  // namespace

const OpSchema dynamic_conv2d_schema = {{}, infer};

}  // namespace octet::graph
