// SPDX-License-Identifier: Apache-2.0
// A product of codes whose zero point is only known when run, as DynamicQuantizeLinear makes them, with constant
// weights. The result is f32(sum of (x - zx) * (w - zw)); scales are multiplied behind it.
#include <fmt/format.h>

#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// Inputs: codes x (..., k), their zero point, w (n, k).
Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 3, 3); !status) return status;
  const Value &x = graph.input(node, 0), &zero = graph.input(node, 1), &w = graph.input(node, 2);
  if ((x.dtype != DType::u8 && x.dtype != DType::s8) || zero.dtype != x.dtype || x.is_quantized())
    return node_error(node, fmt::format("reads {} with a zero point of {}: must be u8 or s8, and both the same",
                                        name_of(x.dtype), name_of(zero.dtype)));
  if (!w.is_constant() || !w.is_quantized() || w.shape.rank() != 2 || w.shape[0] < 1)
    return node_error(node, fmt::format("weight '{}': must be constant codes (n, k)", w.name));
  if (zero.shape_known && zero.shape.is_known() && zero.shape.count() != 1)
    return node_error(node, fmt::format("zero point of shape {}: must be one number", to_string(zero.shape)));
  if (!x.shape_known) {
    set_unknown_activation(graph, node);
    return {};
  }
  const int last = x.shape.rank() - 1;
  if (last < 0 || !may_equal(x.shape[last], w.shape[1]))
    return node_error(node, fmt::format("input shape {}: its last size must be that of the weight {}",
                                        to_string(x.shape), to_string(w.shape)));
  Shape shape = x.shape;
  shape[last] = w.shape[0];
  set_activation(graph, node, shape);
  return {};
}

}  // namespace

const OpSchema dynamic_dense_schema = {{}, infer};

}  // namespace octet::graph
