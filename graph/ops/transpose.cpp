// SPDX-License-Identifier: Apache-2.0
// Transpose: output axis i is input axis perm[i].
#include <fmt/format.h>

#include <algorithm>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status import_transpose(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  return context.emit(Op::Transpose, context.inputs, TransposeAttrs{context.integers("perm")});
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  if (!x.shape_known) return set_unknown(graph, node, x.dtype);
  const int rank = x.shape.rank();
  auto& perm = node.as<TransposeAttrs>().perm;
  if (perm.empty())  // not given: all axes reversed
    for (int axis = rank - 1; axis >= 0; --axis) perm.push_back(axis);
  if (perm.size() != static_cast<std::size_t>(rank))
    return node_error(node, fmt::format("perm names {} axes: must be {}, the rank of the input", perm.size(), rank));
  if (Status status = resolve_axes(node, rank, perm); !status) return status;
  Dims dims;
  for (std::int64_t axis : perm) dims.push_back(x.shape[static_cast<int>(axis)]);
  return set_output(graph, node, 0, x.dtype, dims);
}

bool fold(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  const auto& perm = node.as<TransposeAttrs>().perm;
  const Layout rows = dense(x.shape);
  Layout source;
  for (std::size_t i = 0; i < perm.size(); ++i) source.stride[i] = rows.stride[static_cast<std::size_t>(perm[i])];
  Quant quant = x.quant;
  if (!uniform(x)) quant.axis = static_cast<int>(std::find(perm.begin(), perm.end(), quant.axis) - perm.begin());
  return fold_movement(x, source, quant, graph.output(node));
}

constexpr OnnxRule kRules[] = {{"Transpose", import_transpose}};

}  // namespace

const OpSchema transpose_schema{kRules, infer, fold};

}  // namespace octet::graph
