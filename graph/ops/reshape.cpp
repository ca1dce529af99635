// SPDX-License-Identifier: Apache-2.0
// Reshape, Flatten, Squeeze, Unsqueeze: the same elements under another shape.
#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

using Kind = ReshapeAttrs::Kind;

Status emit(ImportContext& context, Kind kind, Dims axes, bool allow_zero = false) {
  ReshapeAttrs attrs;
  attrs.kind = kind;
  attrs.axes = std::move(axes);
  attrs.allow_zero = allow_zero;
  return context.emit(Op::Reshape, context.inputs, std::move(attrs));
}

Status import_reshape(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  return emit(context, Kind::reshape, {}, context.integer("allowzero", 0) != 0);
}

Status import_flatten(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  return emit(context, Kind::flatten, {context.integer("axis", 1)});
}

// The axes are an attribute before opset 13, an input since.
Status import_squeeze(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 2); !status) return status;
  return emit(context, Kind::squeeze, context.integers("axes"));
}

Status import_unsqueeze(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 2); !status) return status;
  if (!context.has_input(1) && !context.has("axes")) return context.error("no axes: they must be given");
  return emit(context, Kind::unsqueeze, context.integers("axes"));
}

Status too_large(const Node& node) { return node_error(node, "the target shape has too many elements to count"); }

// The size that stands for -1 in the target, or the check that there is nothing left over. `from` and
// `to` are the sizes on both sides without those that the target copies, so that a copied batch of
// unknown size does not hide the rest.
Status match_counts(const Node& node, const Dims& from, const Dims& to, std::int64_t* wildcard) {
  if (std::any_of(from.begin(), from.end(), [](std::int64_t dim) { return dim < 0; })) return {};
  const auto elements = checked_product(from), placed = checked_product(to);
  if (!elements || !placed) return too_large(node);
  if (wildcard == nullptr) {
    if (*elements == *placed) return {};
    return node_error(node, fmt::format("{} elements do not fit into a shape for {}", *elements, *placed));
  }
  if (*placed == 0) return node_error(node, "a size of -1 beside one of 0 has no single answer");
  if (*elements % *placed != 0)
    return node_error(node, fmt::format("{} elements do not divide into rows of {}", *elements, *placed));
  *wildcard = *elements / *placed;
  return {};
}

// The result of Reshape with a known target; the input's shape may be unknown.
Status resolve_target(const Node& node, const Value& x, Dims& dims) {
  const bool copies_zero = !node.as<ReshapeAttrs>().allow_zero;
  Dims from, to;
  if (x.shape_known) from = to_dims(x.shape);
  std::int64_t* wildcard = nullptr;
  Dims copied;
  for (std::size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] < -1)
      return node_error(node, fmt::format("target size {} at axis {}: must be at least -1", dims[i], i));
    if (dims[i] == -1) {
      if (wildcard != nullptr) return node_error(node, "the target has two sizes of -1: must be at most one");
      wildcard = &dims[i];
    } else if (dims[i] == 0 && copies_zero) {
      if (x.shape_known && i >= from.size())
        return node_error(node, fmt::format("target size 0 at axis {} copies an axis that the input of rank {} lacks",
                                            i, from.size()));
      dims[i] = x.shape_known ? from[i] : Shape::kUnknown;
      copied.push_back(static_cast<std::int64_t>(i));
    } else {
      to.push_back(dims[i]);
    }
  }
  if (!x.shape_known) return {};
  for (auto axis = copied.rbegin(); axis != copied.rend(); ++axis) from.erase(from.begin() + *axis);
  return match_counts(node, from, to, wildcard);
}

Status infer_reshape(Graph& graph, Node& node) {
  if (!node.has_input(1)) return node_error(node, "input 1, the target shape, is missing");
  const Value &x = graph.input(node, 0), &target = graph.input(node, 1);
  std::optional<Dims> dims;
  if (Status status = read_integers(graph, node, 1, dims); !status) return status;
  if (dims) {
    if (Status status = resolve_target(node, x, *dims); !status) return status;
    return set_output(graph, node, 0, x.dtype, *dims);
  }
  if (!target.shape_known || target.shape.rank() != 1 || target.shape[0] < 0) return set_unknown(graph, node, x.dtype);
  if (target.shape[0] > Shape::kMaxRank)
    return node_error(node, fmt::format("target of rank {}: must be at most {}", target.shape[0], Shape::kMaxRank));
  return set_output(graph, node, 0, x.dtype, Dims(static_cast<std::size_t>(target.shape[0]), Shape::kUnknown));
}

Status infer_flatten(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  if (!x.shape_known) return set_output(graph, node, 0, x.dtype, Dims{Shape::kUnknown, Shape::kUnknown});
  const int rank = x.shape.rank();
  const Dims& axes = node.as<ReshapeAttrs>().axes;
  const std::int64_t axis = axes.empty() ? 1 : axes[0];
  if (axis < -rank || axis > rank)
    return node_error(node, fmt::format("axis {}: must be in [{}, {}] for rank {}", axis, -rank, rank, rank));
  const auto split = static_cast<std::size_t>(axis < 0 ? axis + rank : axis);
  const auto sizes = x.shape.dims();
  // Inputs are checked to be countable, so that nothing means an unknown size here.
  return set_output(graph, node, 0, x.dtype,
                    Dims{checked_product(sizes.first(split)).value_or(Shape::kUnknown),
                         checked_product(sizes.subspan(split)).value_or(Shape::kUnknown)});
}

// The axes of Squeeze and Unsqueeze from attribute or input; nothing while the input is not constant.
Status read_axes(const Graph& graph, const Node& node, std::optional<Dims>& axes) {
  if (node.has_input(1)) return read_integers(graph, node, 1, axes);
  axes = node.as<ReshapeAttrs>().axes;
  return {};
}

Status infer_squeeze(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  std::optional<Dims> given;
  if (Status status = read_axes(graph, node, given); !status) return status;
  if (!given || !x.shape_known) return set_unknown(graph, node, x.dtype);
  Dims& axes = *given;
  if (Status status = resolve_axes(node, x.shape.rank(), axes); !status) return status;
  if (axes.empty() && !node.has_input(1)) {  // not given: every axis of size 1, even the batch
    if (!x.shape.is_known()) return set_unknown(graph, node, x.dtype);
    for (int axis = 0; axis < x.shape.rank(); ++axis)
      if (x.shape[axis] == 1) axes.push_back(axis);
  }
  Dims dims;
  for (int axis = 0; axis < x.shape.rank(); ++axis) {
    if (std::find(axes.begin(), axes.end(), axis) == axes.end()) {
      dims.push_back(x.shape[axis]);
    } else if (x.shape[axis] > 1 || x.shape[axis] == 0) {
      return node_error(node, fmt::format("axis {} has size {}: must be 1 to be squeezed", axis, x.shape[axis]));
    }
  }
  return set_output(graph, node, 0, x.dtype, dims);
}

Status infer_unsqueeze(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  std::optional<Dims> given;
  if (Status status = read_axes(graph, node, given); !status) return status;
  if (!given || !x.shape_known) return set_unknown(graph, node, x.dtype);
  Dims& axes = *given;  // they count in the result
  if (axes.size() > static_cast<std::size_t>(Shape::kMaxRank - x.shape.rank()))
    return node_error(node, fmt::format("{} more axes for rank {}: the result must have rank at most {}", axes.size(),
                                        x.shape.rank(), Shape::kMaxRank));
  const int rank = x.shape.rank() + static_cast<int>(axes.size());
  if (Status status = resolve_axes(node, rank, axes); !status) return status;
  Dims dims = to_dims(x.shape);
  std::sort(axes.begin(), axes.end());
  for (std::int64_t axis : axes) dims.insert(dims.begin() + axis, 1);
  return set_output(graph, node, 0, x.dtype, dims);
}

Status infer(Graph& graph, Node& node) {
  switch (node.as<ReshapeAttrs>().kind) {
    case Kind::reshape:
      return infer_reshape(graph, node);
    case Kind::flatten:
      return infer_flatten(graph, node);
    case Kind::squeeze:
      return infer_squeeze(graph, node);
    case Kind::unsqueeze:
      return infer_unsqueeze(graph, node);
  }
  return {};
}

// The axis of `to` that runs through the same elements as `axis` of `from`: same size, and as many
// elements before one step of it. -1 if the reshape has merged or split that axis.
int surviving_axis(const Shape& from, int axis, const Shape& to) {
  for (int candidate = 0; candidate < to.rank(); ++candidate)
    if (to[candidate] == from[axis] && to.count(0, candidate) == from.count(0, axis)) return candidate;
  return -1;
}

bool fold(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  Value& output = graph.output(node);
  Quant quant = x.quant;
  if (!uniform(x)) {
    quant.axis = surviving_axis(x.shape, quant.axis, output.shape);
    if (quant.axis < 0) return false;
  }
  return become_constant(output, x.dtype, x.data, quant);
}

constexpr OnnxRule kRules[] = {
    {"Reshape", import_reshape},
    {"Flatten", import_flatten},
    {"Squeeze", import_squeeze},
    {"Unsqueeze", import_unsqueeze},
};

}  // namespace

const OpSchema reshape_schema{kRules, infer, fold};

}  // namespace octet::graph
