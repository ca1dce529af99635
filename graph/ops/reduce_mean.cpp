// SPDX-License-Identifier: Apache-2.0
// ReduceMean: the mean over some axes. Never folded: no exporter leaves a mean of constants, and the
// order of a float sum is the kernels' business.
#include <fmt/format.h>

#include <algorithm>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// The axes are an attribute before opset 18 and an input since. Without axes all are reduced, unless
// noop_with_empty_axes asks for none.
Status import_reduce_mean(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 2); !status) return status;
  const ReduceMeanAttrs attrs{context.integers("axes"), context.integer("keepdims", 1) != 0};
  if (context.integer("noop_with_empty_axes", 0) != 0 && attrs.axes.empty()) {
    if (!context.has_input(1)) return context.alias(context.inputs[0]);
    const Value& axes = context.graph[context.inputs[1]];
    if (!axes.is_constant()) return context.unsupported("noop_with_empty_axes", "1", "supported are constant axes");
    if (axes.shape.count() == 0) return context.alias(context.inputs[0]);
  }
  return context.emit(Op::ReduceMean, context.inputs, attrs);
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  auto& attrs = node.as<ReduceMeanAttrs>();
  if (node.has_input(1)) {
    std::optional<Dims> axes;
    if (Status status = read_integers(graph, node, 1, axes); !status) return status;
    if (!axes) return set_unknown(graph, node, x.dtype);
    attrs.axes = *axes;  // resolved for good: the input goes
  }
  node.inputs.resize(1);
  if (!x.shape_known) return set_unknown(graph, node, x.dtype);
  if (Status status = resolve_axes(node, x.shape.rank(), attrs.axes); !status) return status;
  std::sort(attrs.axes.begin(), attrs.axes.end());
  Dims dims;
  for (int axis = 0; axis < x.shape.rank(); ++axis) {
    const bool reduced =
        attrs.axes.empty() || std::binary_search(attrs.axes.begin(), attrs.axes.end(), std::int64_t{axis});
    if (reduced && x.shape[axis] == 0) return node_error(node, fmt::format("axis {} is empty: it has no mean", axis));
    if (!reduced) dims.push_back(x.shape[axis]);
    if (reduced && attrs.keep_dims) dims.push_back(1);
  }
  return set_output(graph, node, 0, x.dtype, dims);
}

constexpr OnnxRule kRules[] = {{"ReduceMean", import_reduce_mean}};

}  // namespace

const OpSchema reduce_mean_schema{kRules, infer};

}  // namespace octet::graph
