// SPDX-License-Identifier: Apache-2.0
// ArgMax and ArgMin: the index of the largest or smallest element along an axis.
#include <fmt/format.h>

#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

template <bool smallest>
Status import_arg(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  ArgMaxAttrs attrs;
  attrs.axis = context.integer("axis", 0);
  attrs.keep_dims = context.integer("keepdims", 1) != 0;
  attrs.last = context.integer("select_last_index", 0) != 0;
  attrs.smallest = smallest;
  return context.emit(Op::ArgMax, context.inputs, attrs);
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  auto& attrs = node.as<ArgMaxAttrs>();
  if (!x.shape_known) return set_unknown(graph, node, DType::s64);
  if (Status status = resolve_axis(node, x.shape.rank(), attrs.axis); !status) return status;
  Dims dims = to_dims(x.shape);
  std::int64_t& size = dims[static_cast<std::size_t>(attrs.axis)];
  if (size == 0) return node_error(node, fmt::format("axis {} is empty: it has no largest element", attrs.axis));
  size = 1;
  if (!attrs.keep_dims) dims.erase(dims.begin() + attrs.axis);
  return set_output(graph, node, 0, DType::s64, dims);
}

constexpr OnnxRule kRules[] = {{"ArgMax", import_arg<false>}, {"ArgMin", import_arg<true>}};

}  // namespace

const OpSchema arg_max_schema = {kRules, infer};

}  // namespace octet::graph
