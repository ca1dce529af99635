// SPDX-License-Identifier: Apache-2.0
// Slice: along each axis, elements start, start + step, ...; what is asked for beyond the ends is cut.
//
// The request (starts, ends, axes, steps) comes as attributes before opset 10 and as inputs since.
// As soon as the sizes that it counts on are known it is resolved into start, step and count per axis,
// and then it goes: attributes of one entry per axis are easier to carry through a change of layout.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status import_slice(ImportContext& context) {
  SliceAttrs attrs;
  if (context.opset < 10) {
    if (Status status = context.expect_inputs(1, 1); !status) return status;
    if (!context.has("starts") || !context.has("ends"))
      return context.error("attributes 'starts' and 'ends' must be given");
    attrs.given_starts = context.integers("starts");
    attrs.given_ends = context.integers("ends");
    attrs.given_axes = context.integers("axes");
  } else if (Status status = context.expect_inputs(3, 5); !status) {
    return status;
  }
  return context.emit(Op::Slice, context.inputs, std::move(attrs));
}

struct Request {
  std::optional<Dims> starts, ends, axes, steps;  // nothing: not constant yet
};

Status read_request(const Graph& graph, const Node& node, Request& request) {
  const auto& attrs = node.as<SliceAttrs>();
  if (node.inputs.size() == 1) {
    request.starts = attrs.given_starts;
    request.ends = attrs.given_ends;
    if (!attrs.given_axes.empty()) request.axes = attrs.given_axes;
  }
  std::optional<Dims>* const parts[] = {&request.starts, &request.ends, &request.axes, &request.steps};
  for (std::size_t i = 0; i < std::size(parts); ++i)
    if (node.has_input(i + 1))
      if (Status status = read_integers(graph, node, i + 1, *parts[i]); !status) return status;
  if (!request.axes && !node.has_input(3) && request.starts)  // not given: the first axes
    for (std::size_t i = 0; i < request.starts->size(); ++i)
      (request.axes ? *request.axes : request.axes.emplace()).push_back(static_cast<std::int64_t>(i));
  if (!request.axes && request.starts && request.starts->empty()) request.axes.emplace();
  if (!request.steps && !node.has_input(4) && request.starts) request.steps = Dims(request.starts->size(), 1);
  return {};
}

struct Range {
  std::int64_t start, count;
};

// What ONNX makes of [start, end) with `step` on an axis of known size. No difference overflows once
// both ends are cut to the axis; the step's magnitude is taken unsigned, since -INT64_MIN is no int64.
Range cut(std::int64_t start, std::int64_t end, std::int64_t step, std::int64_t size) {
  if (size == 0) return {0, 0};
  if (start < 0) start += size;
  if (end < 0) end += size;
  const bool forward = step > 0;
  start = std::clamp<std::int64_t>(start, 0, forward ? size : size - 1);
  end = forward ? std::clamp<std::int64_t>(end, 0, size) : std::clamp<std::int64_t>(end, -1, size - 1);
  const std::int64_t distance = forward ? end - start : start - end;
  if (distance <= 0) return {0, 0};
  const std::uint64_t stride = forward ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  return {start, 1 + static_cast<std::int64_t>((static_cast<std::uint64_t>(distance) - 1) / stride)};
}

Status check_request(const Node& node, int rank, Request& request) {
  const std::size_t entries = request.axes->size();
  if (request.starts->size() != entries || request.ends->size() != entries || request.steps->size() != entries)
    return node_error(node, fmt::format("{} starts, {} ends, {} axes, {} steps: must be equally many",
                                        request.starts->size(), request.ends->size(), entries, request.steps->size()));
  if (std::find(request.steps->begin(), request.steps->end(), 0) != request.steps->end())
    return node_error(node, "step 0: must not be zero");
  return resolve_axes(node, rank, *request.axes);
}

// Fills `resolved` and `dims`; true if every axis could be resolved.
bool resolve(const Request& request, const Shape& shape, SliceAttrs& resolved, Dims& dims) {
  const auto rank = static_cast<std::size_t>(shape.rank());
  resolved.start.assign(rank, 0);
  resolved.step.assign(rank, 1);
  resolved.count.assign(rank, Shape::kUnknown);
  bool complete = true;
  for (std::size_t i = 0; i < request.axes->size(); ++i) {
    const std::int64_t start = (*request.starts)[i], end = (*request.ends)[i], step = (*request.steps)[i];
    const auto axis = static_cast<std::size_t>((*request.axes)[i]);
    const std::int64_t size = dims[axis];
    const bool whole = start == 0 && step == 1 && end >= std::numeric_limits<std::int32_t>::max();
    if (size >= 0) {
      const Range range = cut(start, end, step, size);
      resolved.start[axis] = range.start;
      resolved.step[axis] = range.count > 1 ? step : 1;  // a step that is never taken may be any number
      resolved.count[axis] = dims[axis] = range.count;
    } else if (!whole) {
      complete = false;
      dims[axis] = Shape::kUnknown;
    }
  }
  return complete;
}

// The request is gone: start, step and count per axis say it all.
Status infer_resolved(Graph& graph, const Node& node, const Value& x) {
  const auto& attrs = node.as<SliceAttrs>();
  const auto rank = static_cast<std::size_t>(x.shape.rank());
  if (attrs.start.size() != rank || attrs.step.size() != rank || attrs.count.size() != rank)
    return node_error(node, fmt::format("resolved for rank {}, but the input has rank {}", attrs.start.size(), rank));
  Dims dims = to_dims(x.shape);
  for (std::size_t axis = 0; axis < rank; ++axis) {
    const std::int64_t count = attrs.count[axis];
    if (count < 0) continue;
    const std::int64_t first = attrs.start[axis], last = count == 0 ? first : first + (count - 1) * attrs.step[axis];
    if (count > 0 && dims[axis] >= 0 && (std::min(first, last) < 0 || std::max(first, last) >= dims[axis]))
      return node_error(node, fmt::format("elements {} to {} at axis {} of size {}", first, last, axis, dims[axis]));
    dims[axis] = count;
  }
  return set_output(graph, node, 0, x.dtype, dims);
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  if (!x.shape_known) return set_unknown(graph, node, x.dtype);
  auto& attrs = node.as<SliceAttrs>();
  if (!attrs.start.empty() && node.inputs.size() == 1) return infer_resolved(graph, node, x);
  Request request;
  if (Status status = read_request(graph, node, request); !status) return status;
  Dims dims = to_dims(x.shape);
  if (!request.starts || !request.ends || !request.axes || !request.steps) {
    Dims changed;
    if (request.axes) {
      changed = *request.axes;
      if (Status status = resolve_axes(node, x.shape.rank(), changed); !status) return status;
    } else {
      for (int axis = 0; axis < x.shape.rank(); ++axis) changed.push_back(axis);
    }
    for (std::int64_t axis : changed) dims[static_cast<std::size_t>(axis)] = Shape::kUnknown;
    return set_output(graph, node, 0, x.dtype, dims);
  }
  if (Status status = check_request(node, x.shape.rank(), request); !status) return status;
  SliceAttrs resolved;
  if (resolve(request, x.shape, resolved, dims)) {
    attrs = std::move(resolved);
    node.inputs.resize(1);
  }
  return set_output(graph, node, 0, x.dtype, dims);
}

bool fold(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  const auto& attrs = node.as<SliceAttrs>();
  if (attrs.start.empty() || !uniform(x)) return false;
  const Layout rows = dense(x.shape);
  Layout source;
  for (std::size_t axis = 0; axis < attrs.start.size(); ++axis) {
    source.offset += attrs.start[axis] * rows.stride[axis];
    source.stride[axis] = attrs.step[axis] * rows.stride[axis];
  }
  return fold_movement(x, source, x.quant, graph.output(node));
}

constexpr OnnxRule kRules[] = {{"Slice", import_slice}};

}  // namespace

const OpSchema slice_schema{kRules, infer, fold};

}  // namespace octet::graph
