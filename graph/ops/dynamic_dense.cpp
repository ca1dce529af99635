// SPDX-License-Identifier: Apache-2.0
// A matrix product of codes whose zero point is only known when run, as DynamicQuantize makes them, with
// constant weights.
#include <fmt/format.h>

#include "graph/dynamic_operands.h"
#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status infer(Graph& graph, Node& node) {
  if (Status status = check_dynamic_operands(graph, node, 2); !status) return status;
  const Value &x = graph.input(node, 0), &w = graph.input(node, 2);
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
