// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "graph/broadcast.h"
#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// A vector on the left is a row, one on the right a column; the axis that this adds goes again.
Status import_matmul(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  const auto is_vector = [&](std::size_t index) {
    const Value& value = context.graph[context.inputs[index]];
    return value.shape_known && value.shape.rank() == 1;
  };
  const bool row = is_vector(0), column = is_vector(1);
  if (!row && !column) return context.emit(Op::MatMul, context.inputs, MatMulAttrs{});
  const auto widened = [&](std::size_t index, std::int64_t axis, std::string_view suffix) {
    return context.emit_step(Op::Reshape, suffix, {context.inputs[index]},
                             ReshapeAttrs{ReshapeAttrs::Kind::unsqueeze, {axis}});
  };
  const ValueId a = row ? widened(0, 0, "row") : context.inputs[0];
  const ValueId b = column ? widened(1, 1, "column") : context.inputs[1];
  const ValueId product = context.emit_step(Op::MatMul, "product", {a, b}, MatMulAttrs{});
  std::vector<std::int64_t> axes;
  if (row) axes.push_back(-2);
  if (column) axes.push_back(-1);
  return context.emit(Op::Reshape, {product}, ReshapeAttrs{ReshapeAttrs::Kind::squeeze, axes});
}

// All axes but the last two.
Shape leading(const Shape& shape) { return Shape(shape.dims().first(static_cast<std::size_t>(shape.rank() - 2))); }

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 2, 2); !status) return status;
  for (std::size_t index = 0; index < 2; ++index) {
    if (Status status = expect_activation(graph, node, index); !status) return status;
    const Value& value = graph.input(node, index);
    if (value.shape_known && value.shape.rank() < 2) {
      return node_error(node,
                        fmt::format("input {} has shape {}: must have rank 2 or more", index, to_string(value.shape)));
    }
  }
  const Value& a = graph.input(node, 0);
  const Value& b = graph.input(node, 1);
  if (!a.shape_known || !b.shape_known) {
    set_unknown_activation(graph, node);
    return {};
  }
  const int last_a = a.shape.rank() - 1, last_b = b.shape.rank() - 1;
  auto shape = broadcast(leading(a.shape), leading(b.shape));
  if (!shape || !may_equal(a.shape[last_a], b.shape[last_b - 1])) {
    return node_error(node,
                      fmt::format("shapes {} and {} cannot be multiplied", to_string(a.shape), to_string(b.shape)));
  }
  shape->push_back(a.shape[last_a - 1]);
  shape->push_back(b.shape[last_b]);
  set_activation(graph, node, *shape);
  return {};
}

constexpr OnnxRule kRules[] = {{"MatMul", import_matmul}};

}  // namespace

const OpSchema matmul_schema = {kRules, infer};

}  // namespace octet::graph
