// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "graph/dims.h"
#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// True if normalizing along `axis` alone is the same as over everything from `axis` on.
bool only_axis(const Shape& shape, std::int64_t axis) {
  return std::all_of(shape.begin() + axis + 1, shape.end(), [](std::int64_t dim) { return dim == 1; });
}

// Before opset 13 the sums run over all axes from `axis` on:
//   x -> flatten to (before, from axis on) -> Softmax along the second -> the old shape
Status import_flattened(ImportContext& context, std::int64_t axis) {
  const ValueId x = context.inputs[0];
  const Value& value = context.graph[x];
  if (value.shape_known) {
    const int rank = value.shape.rank();
    if (axis < -rank || axis >= rank) {
      return context.error(fmt::format("axis {}: must be in [{}, {}) for rank {}", axis, -rank, rank, rank));
    }
    if (axis < 0) axis += rank;
    if (only_axis(value.shape, axis)) return context.emit(Op::Softmax, {x}, SoftmaxAttrs{axis});
  }
  const ValueId flat =
      context.emit_step(Op::Reshape, "flat", {x}, ReshapeAttrs{ReshapeAttrs::Kind::flatten, {axis}, false});
  const ValueId normalized = context.emit_step(Op::Softmax, "softmax", {flat}, SoftmaxAttrs{1});
  // A shape with one unknown size is a target that Reshape resolves; others wait until a session binds them.
  const Shape& shape = context.graph[x].shape;
  ValueId target = kNone;
  if (context.graph[x].shape_known && std::count(shape.begin(), shape.end(), Shape::kUnknown) <= 1) {
    target =
        context.graph.add_constant<std::int64_t>(context.name + "/shape", DType::s64, {shape.rank()}, shape.dims());
  } else {
    target = context.emit_step(Op::Shape, "shape", {x}, {});
  }
  return context.emit(Op::Reshape, {normalized, target}, ReshapeAttrs{});
}

Status import_softmax(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  if (context.opset < 13) return import_flattened(context, context.integer("axis", 1));
  return context.emit(Op::Softmax, context.inputs, SoftmaxAttrs{context.integer("axis", -1)});
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 1, 1); !status) return status;
  if (Status status = expect_activation(graph, node, 0); !status) return status;
  const Value& x = graph.input(node, 0);
  if (!x.shape_known) {
    set_unknown_activation(graph, node);
    return {};
  }
  if (Status status = resolve_axis(node, x.shape.rank(), node.as<SoftmaxAttrs>().axis); !status) return status;
  set_activation(graph, node, x.shape);
  return {};
}

constexpr OnnxRule kRules[] = {{"Softmax", import_softmax}};

}  // namespace

const OpSchema softmax_schema = {kRules, infer};

}  // namespace octet::graph
