// SPDX-License-Identifier: Apache-2.0
// LayerNormalization over the axes from `axis` on, and what else subtracts a mean and divides by a deviation.
#include <fmt/format.h>

#include "graph/composer.h"
#include "graph/dims.h"
#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// Outputs 1 and 2, mean and 1 / deviation, are for training; made of other nodes where they are read.
Status emit_statistics(ImportContext& context, std::int64_t axis, float epsilon) {
  const Value& x = context.graph[context.inputs[0]];
  if (!x.shape_known) return context.error("outputs 1 and 2 need an input of known rank");
  const std::int64_t rank = x.shape.rank();
  if (axis < -rank || axis >= rank)
    return context.error(fmt::format("axis {}: must be in [{}, {})", axis, -rank, rank));
  Dims axes;
  for (std::int64_t i = axis < 0 ? axis + rank : axis; i < rank; ++i) axes.push_back(i);
  Composer compose(context);
  const ValueId mean = compose.mean(context.inputs[0], axes, true);
  const ValueId distance = compose.binary(BinaryFn::sub, context.inputs[0], mean);
  const ValueId variance = compose.mean(compose.binary(BinaryFn::mul, distance, distance), axes, true);
  const ValueId sum = compose.binary(BinaryFn::add, variance, compose.constant(epsilon));
  context.outputs.push_back(mean);
  context.outputs.push_back(compose.unary(UnaryFn::reciprocal, compose.unary(UnaryFn::sqrt, sum)));
  return {};
}

Status import_layer_norm(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 3); !status) return status;
  const LayerNormAttrs attrs{context.integer("axis", -1), context.real("epsilon", 1e-5F)};
  const bool has_statistics = context.output_names.size() > 1;
  context.output_names.resize(1);
  if (Status status = context.emit(Op::LayerNorm, context.inputs, attrs); !status) return status;
  return has_statistics ? emit_statistics(context, attrs.axis, attrs.epsilon) : Status();
}

// Per image and channel over all positions, then a scale and a bias per channel:
//   x (n, c, h, w) -> LayerNorm from axis 2 on -> Mul (c, 1, 1) -> Add (c, 1, 1)
Status import_instance_norm(ImportContext& context) {
  if (Status status = context.expect_inputs(3, 3); !status) return status;
  const Value& x = context.graph[context.inputs[0]];
  if (!x.shape_known || x.shape.rank() < 3) return context.error("the input must have a known rank of at least 3");
  const int rank = x.shape.rank();
  Composer compose(context);
  const ValueId normal =
      compose.node(Op::LayerNorm, {context.inputs[0]}, LayerNormAttrs{2, context.real("epsilon", 1e-5F)});
  const auto per_channel = [&](ValueId vector) {
    std::vector<std::int64_t> shape(static_cast<std::size_t>(rank - 1), 1);
    shape[0] = -1;
    return compose.reshape(vector, shape);
  };
  const ValueId scaled = compose.binary(BinaryFn::mul, normal, per_channel(context.inputs[1]));
  return context.emit(Op::Binary, {scaled, per_channel(context.inputs[2])}, BinaryAttrs{BinaryFn::add, {}});
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 1, 3); !status) return status;
  const Value& x = graph.input(node, 0);
  if (x.dtype != DType::f32)
    return node_error(node, fmt::format("input '{}' is {}: must be f32", x.name, name_of(x.dtype)));
  if (!x.shape_known) return set_unknown(graph, node, DType::f32);
  auto& axis = node.as<LayerNormAttrs>().axis;
  if (Status status = resolve_axis(node, x.shape.rank(), axis); !status) return status;
  for (std::size_t index = 1; index < node.inputs.size(); ++index) {
    if (!node.has_input(index)) continue;
    const Value& operand = graph.input(node, index);
    bool fits = operand.dtype == DType::f32;
    if (operand.shape_known) {
      fits = fits && operand.shape.rank() == x.shape.rank() - static_cast<int>(axis);
      for (int i = 0; fits && i < operand.shape.rank(); ++i)
        fits = may_equal(operand.shape[i], x.shape[static_cast<int>(axis) + i]);
    }
    if (!fits) {
      return node_error(node, fmt::format("input {} is {} {}: must be f32 with the sizes of {} from axis {} on", index,
                                          name_of(operand.dtype), to_string(operand.shape), to_string(x.shape), axis));
    }
  }
  return set_output(graph, node, 0, DType::f32, to_dims(x.shape));
}

constexpr OnnxRule kRules[] = {
    {"LayerNormalization", import_layer_norm, "scale and bias have the sizes of the normalized axes"},
    {"InstanceNormalization", import_instance_norm},
};

}  // namespace

const OpSchema layer_norm_schema = {kRules, infer};

}  // namespace octet::graph
