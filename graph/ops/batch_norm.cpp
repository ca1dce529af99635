// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status import_batch_norm(ImportContext& context) {
  if (Status status = context.expect_inputs(5, 5); !status) return status;
  if (context.integer("training_mode", 0) != 0) {
    return context.unsupported("training_mode", "1", "only inference (0) is supported");
  }
  if (context.integer("spatial", 1) != 1) {
    return context.unsupported("spatial", "0", "only statistics per channel (1) are supported");
  }
  BatchNormAttrs attrs;
  attrs.epsilon = context.real("epsilon", 1e-5F);
  if (!std::isfinite(attrs.epsilon) || attrs.epsilon < 0) {
    return context.error(fmt::format("epsilon {}: must be finite and not negative", attrs.epsilon));
  }
  return context.emit(Op::BatchNorm, context.inputs, attrs);
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 5, 5); !status) return status;
  if (Status status = expect_activation(graph, node, 0); !status) return status;
  const Value& x = graph.input(node, 0);
  if (x.shape_known && x.shape.rank() < 2) {
    return node_error(node, fmt::format("input shape {}: must have a channel axis, axis 1", to_string(x.shape)));
  }
  constexpr const char* kWhat[] = {"", "the scale", "the bias", "the mean", "the variance"};
  const std::int64_t channels = x.shape_known ? x.shape[1] : Shape::kUnknown;
  for (std::size_t index = 1; index < 5; ++index) {
    if (Status status = expect_vector(graph, node, index, channels, kWhat[index]); !status) return status;
  }
  if (!x.shape_known) {
    set_unknown_activation(graph, node);
    return {};
  }
  Shape shape = x.shape;
  const Value& scale = graph.input(node, 1);
  if (scale.shape_known) shape[1] = known_of(shape[1], scale.shape[0]);
  set_activation(graph, node, shape);
  return {};
}

constexpr OnnxRule kRules[] = {{"BatchNormalization", import_batch_norm}};

}  // namespace

const OpSchema batch_norm_schema = {kRules, infer};

}  // namespace octet::graph
