// SPDX-License-Identifier: Apache-2.0
// Reductions over some axes, other than the mean; norms and logarithms of sums are made of them.
#include <fmt/format.h>

#include <algorithm>

#include "graph/composer.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// Attributes of all reductions. The axes are an attribute in old opsets and an input since 13 (ReduceSum) or 18.
// Nothing is reduced if `noop` comes out true.
Status read_attrs(const ImportContext& context, ReduceAttrs& attrs, bool& noop) {
  if (Status status = context.expect_inputs(1, 2); !status) return status;
  attrs.axes = context.integers("axes");
  attrs.keep_dims = context.integer("keepdims", 1) != 0;
  noop = context.integer("noop_with_empty_axes", 0) != 0 && attrs.axes.empty();
  if (!noop || !context.has_input(1)) return {};
  const Value& axes = context.graph[context.inputs[1]];
  if (!axes.is_constant()) return context.unsupported("noop_with_empty_axes", "1", "supported are constant axes");
  noop = axes.shape.count() == 0;
  return {};
}

enum class Before : std::uint8_t { nothing, absolute, square };
enum class After : std::uint8_t { nothing, root, logarithm };

template <ReduceFn fn, Before before = Before::nothing, After after = After::nothing>
Status import_reduce(ImportContext& context) {
  ReduceAttrs attrs{fn, {}, true};
  bool noop = false;
  if (Status status = read_attrs(context, attrs, noop); !status) return status;
  Composer compose(context);
  std::vector<ValueId> inputs = context.inputs;
  if (before == Before::absolute) inputs[0] = compose.unary(UnaryFn::abs, inputs[0]);
  if (before == Before::square) inputs[0] = compose.binary(BinaryFn::mul, inputs[0], inputs[0]);
  if (after == After::nothing && !noop) return context.emit(Op::Reduce, std::move(inputs), std::move(attrs));
  ValueId result = noop ? inputs[0] : compose.node(Op::Reduce, std::move(inputs), std::move(attrs));
  if (after == After::root) result = compose.unary(UnaryFn::sqrt, result);
  if (after == After::logarithm) result = compose.unary(UnaryFn::log, result);
  return compose.finish(result);
}

// log(sum(exp(x))) = m + log(sum(exp(x - m))), m the maximum: no exp overflows.
Status import_log_sum_exp(ImportContext& context) {
  ReduceAttrs attrs;
  bool noop = false;
  if (Status status = read_attrs(context, attrs, noop); !status) return status;
  if (noop) return context.alias(context.inputs[0]);
  Composer compose(context);
  const ValueId x = context.inputs[0];
  const auto reduce = [&](ReduceFn fn, ValueId value, bool keep_dims) {
    std::vector<ValueId> inputs = context.inputs;
    inputs[0] = value;
    return compose.node(Op::Reduce, std::move(inputs), ReduceAttrs{fn, attrs.axes, keep_dims});
  };
  const ValueId top = reduce(ReduceFn::max, x, true);
  const ValueId powers = compose.unary(UnaryFn::exp, compose.binary(BinaryFn::sub, x, top));
  const ValueId logarithm = compose.unary(UnaryFn::log, reduce(ReduceFn::sum, powers, attrs.keep_dims));
  const ValueId base = attrs.keep_dims ? top : reduce(ReduceFn::max, x, false);
  return compose.finish(compose.binary(BinaryFn::add, logarithm, base));
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  auto& attrs = node.as<ReduceAttrs>();
  const bool picks = attrs.fn == ReduceFn::max || attrs.fn == ReduceFn::min;
  if (size_of(x.dtype) == 1 && !picks)
    return node_error(node, fmt::format("input '{}' is {}: must be f32, s32 or s64", x.name, name_of(x.dtype)));
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
  for (std::int64_t axis = 0; axis < x.shape.rank(); ++axis) {
    const bool reduced = attrs.axes.empty() || std::binary_search(attrs.axes.begin(), attrs.axes.end(), axis);
    if (!reduced) dims.push_back(x.shape[static_cast<int>(axis)]);
    if (reduced && attrs.keep_dims) dims.push_back(1);
  }
  return set_output(graph, node, 0, x.dtype, dims);
}

constexpr OnnxRule kRules[] = {
    {"ReduceSum", import_reduce<ReduceFn::sum>, "axes must be constant"},
    {"ReduceMax", import_reduce<ReduceFn::max>, "axes must be constant"},
    {"ReduceMin", import_reduce<ReduceFn::min>, "axes must be constant"},
    {"ReduceProd", import_reduce<ReduceFn::prod>, "axes must be constant"},
    {"ReduceL1", import_reduce<ReduceFn::sum, Before::absolute>, "axes must be constant"},
    {"ReduceL2", import_reduce<ReduceFn::sum, Before::square, After::root>, "axes must be constant"},
    {"ReduceSumSquare", import_reduce<ReduceFn::sum, Before::square>, "axes must be constant"},
    {"ReduceLogSum", import_reduce<ReduceFn::sum, Before::nothing, After::logarithm>, "axes must be constant"},
    {"ReduceLogSumExp", import_log_sum_exp, "axes must be constant"},
};

}  // namespace

// Never folded, as ReduceMean: the order of a float sum is the kernels' business.
const OpSchema reduce_schema = {kRules, infer};

}  // namespace octet::graph
