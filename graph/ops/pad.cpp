// SPDX-License-Identifier: Apache-2.0
// Pad: a border of one value; negative pads cut instead. Pads come as an attribute before opset 11 and as an input
// since; once resolved into begin and end per axis the inputs go.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graph/composer.h"
#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// Which element of an axis of `size` stands `index` before or behind its start, in the modes without a value.
std::int64_t source_of(const std::string& mode, std::int64_t index, std::int64_t size) {
  if (mode == "edge") return std::clamp<std::int64_t>(index, 0, size - 1);
  if (mode == "wrap") return ((index % size) + size) % size;
  const std::int64_t period = std::max<std::int64_t>(2 * (size - 1), 1);  // reflect: 0 1 2 1 0 1 ...
  const std::int64_t within = ((index % period) + period) % period;
  return within < size ? within : period - within;
}

// A border of elements from inside is a Gather per padded axis: it picks, so codes stay codes.
Status import_mirrored(ImportContext& context, const std::string& mode) {
  if (!context.graph[context.inputs[0]].shape_known)
    return context.unsupported("mode", mode, "supported for an input of known rank");
  const Shape shape = context.graph[context.inputs[0]].shape;  // what compose adds moves the graph's values
  const auto rank = static_cast<std::size_t>(shape.rank());
  Dims pads = context.integers("pads"), axes;
  for (std::size_t axis = 0; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  if (context.opset >= 11) {
    if (Status status = context.expect_inputs(2, 4); !status) return status;
    const auto given = integers_of(context.graph[context.inputs[1]]);
    if (!given) return context.unsupported("mode", mode, "supported with constant pads");
    pads = *given;
    if (context.has_input(3)) {
      const auto named = integers_of(context.graph[context.inputs[3]]);
      if (!named) return context.unsupported("mode", mode, "supported with constant axes");
      axes = *named;
    }
  }
  if (pads.size() != 2 * axes.size())
    return context.error(fmt::format("{} pads for {} axes: must be two per axis", pads.size(), axes.size()));
  ValueId padded = context.inputs[0];
  Composer compose(context);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t begin = pads[i], end = pads[i + axes.size()];
    if (begin == 0 && end == 0) continue;
    const std::int64_t axis = axes[i] < 0 ? axes[i] + shape.rank() : axes[i];
    if (axis < 0 || axis >= shape.rank())
      return context.error(fmt::format("axis {}: must be an axis of the input", axes[i]));
    const std::int64_t size = shape[static_cast<int>(axis)];
    constexpr std::int64_t kMost = 1 << 20;
    if (size < 1 || begin < -size || end < -size || begin > kMost || end > kMost || size > kMost)
      return context.unsupported("mode", mode,
                                 fmt::format("pads {} and {} at axis {} of size {}", begin, end, axis, size));
    Dims indices;
    for (std::int64_t index = -begin; index < size + end; ++index) indices.push_back(source_of(mode, index, size));
    padded = compose.node(Op::Gather, {padded, compose.integers(indices)}, GatherAttrs{axis});
  }
  return compose.finish(padded);
}

Status import_pad(ImportContext& context) {
  const std::string mode = context.text("mode", "constant");
  if (mode == "reflect" || mode == "edge" || mode == "wrap") return import_mirrored(context, mode);
  if (mode != "constant") return context.unsupported("mode", mode, "supported are constant, reflect, edge and wrap");
  if (context.opset >= 11) {
    if (Status status = context.expect_inputs(2, 4); !status) return status;
    return context.emit(Op::Pad, context.inputs, PadAttrs{});
  }
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const Dims pads = context.integers("pads");
  if (pads.size() % 2 != 0) return context.error(fmt::format("{} pads: must be two per axis", pads.size()));
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(pads.size() / 2);
  return context.emit(Op::Pad, context.inputs,
                      PadAttrs{{pads.begin(), middle}, {middle, pads.end()}, context.real("value", 0)});
}

// The border's value: 0 if absent, nothing while it is not constant yet.
Status read_value(const Graph& graph, const Node& node, std::optional<float>& result) {
  if (!node.has_input(2)) {
    result = 0.0F;
    return {};
  }
  const Value& value = graph.input(node, 2);
  if (!value.is_constant()) return {};
  if (value.shape.count() == 1) {
    if (const auto reals = reals_of(value)) result = reals->front();
    if (const auto integers = integers_of(value)) {
      // PadAttrs has a float; a border that this would change is refused rather than changed.
      const auto rounded = static_cast<float>(integers->front());
      if (rounded < 0x1p63F && static_cast<std::int64_t>(rounded) == integers->front()) result = rounded;
    }
  }
  if (result) return {};
  return node_error(node, fmt::format("constant_value ('{}') is {} {}: must be one f32, or an integer exact in f32",
                                      value.name, name_of(value.dtype), to_string(value.shape)));
}

// begin and end per axis out of `pads`, which covers `axes`.
Status resolve(const Node& node, int rank, const Dims& pads, const Dims& axes, PadAttrs& attrs) {
  if (pads.size() != 2 * axes.size())
    return node_error(node, fmt::format("{} pads for {} axes: must be two per axis", pads.size(), axes.size()));
  attrs.begin.assign(static_cast<std::size_t>(rank), 0);
  attrs.end.assign(static_cast<std::size_t>(rank), 0);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    attrs.begin[static_cast<std::size_t>(axes[i])] = pads[i];
    attrs.end[static_cast<std::size_t>(axes[i])] = pads[i + axes.size()];
  }
  return {};
}

// Moves what the inputs say into the attributes; false if an input is not constant yet.
Status read_inputs(const Graph& graph, Node& node, int rank, bool& complete) {
  std::optional<Dims> pads, axes;
  std::optional<float> value;
  if (Status status = read_integers(graph, node, 1, pads); !status) return status;
  if (Status status = read_integers(graph, node, 3, axes); !status) return status;
  if (Status status = read_value(graph, node, value); !status) return status;
  if (!axes && !node.has_input(3)) {
    axes.emplace();
    for (int axis = 0; axis < rank; ++axis) axes->push_back(axis);
  }
  complete = pads && axes && value;
  if (!complete) return {};
  auto& attrs = node.as<PadAttrs>();
  if (Status status = resolve_axes(node, rank, *axes); !status) return status;
  if (Status status = resolve(node, rank, *pads, *axes, attrs); !status) return status;
  attrs.value = *value;
  node.inputs.resize(1);
  return {};
}

Status widen(const Node& node, std::size_t axis, std::int64_t begin, std::int64_t end, std::int64_t& size) {
  constexpr std::int64_t kMost = std::int64_t{1} << 40;  // with sizes below it no sum overflows
  if (begin < -kMost || begin > kMost || end < -kMost || end > kMost || size > kMost)
    return node_error(node,
                      fmt::format("pads {} and {} at axis {} of size {}: must be within 2^40", begin, end, axis, size));
  if (size < 0) return {};
  if (size + begin + end < 0)
    return node_error(node, fmt::format("pads {} and {} at axis {} cut more than its size {}", begin, end, axis, size));
  size += begin + end;
  return {};
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  if (!x.shape_known) return set_unknown(graph, node, x.dtype);
  const int rank = x.shape.rank();
  if (node.inputs.size() > 1) {
    bool complete = false;
    if (Status status = read_inputs(graph, node, rank, complete); !status) return status;
    if (!complete) return set_output(graph, node, 0, x.dtype, Dims(static_cast<std::size_t>(rank), Shape::kUnknown));
  }
  const auto& attrs = node.as<PadAttrs>();
  if (attrs.begin.size() != static_cast<std::size_t>(rank) || attrs.end.size() != attrs.begin.size())
    return node_error(node,
                      fmt::format("pads for {} axes: must be for {}, the rank of the input", attrs.begin.size(), rank));
  Dims dims = to_dims(x.shape);
  for (std::size_t axis = 0; axis < dims.size(); ++axis)
    if (Status status = widen(node, axis, attrs.begin[axis], attrs.end[axis], dims[axis]); !status) return status;
  return set_output(graph, node, 0, x.dtype, dims);
}

// Every element of `memory` becomes `element`.
template <class T>
void fill(std::byte* memory, std::int64_t count, T element) {
  for (std::int64_t i = 0; i < count; ++i)
    std::memcpy(memory + i * static_cast<std::int64_t>(sizeof(T)), &element, sizeof(T));
}

// The border in the output's own type. False where that type cannot hold it; for codes only real 0,
// the zero point, is known without quantizing.
bool fill_border(const Value& output, const Quant& quant, float value, std::byte* memory) {
  const std::int64_t count = output.shape.count();
  if (output.dtype == DType::f32) return fill(memory, count, value), true;
  const bool codes = !quant.scale.empty();
  if (codes && value != 0) return false;
  const float border = codes ? static_cast<float>(quant.zero_point[0]) : value;
  const auto fill_as = [&](auto lowest, auto highest) {
    if (!(border >= static_cast<float>(lowest) && border <= static_cast<float>(highest)) ||
        border != std::trunc(border))
      return false;
    fill(memory, count, static_cast<decltype(lowest)>(border));
    return true;
  };
  // Integer bounds within 2^24 are exact floats; wider borders never occur in shape arithmetic.
  constexpr std::int32_t kExact = 1 << 24;
  switch (output.dtype) {
    case DType::u8:
      return fill_as(std::uint8_t{0}, std::uint8_t{255});
    case DType::s8:
      return fill_as(std::int8_t{-128}, std::int8_t{127});
    case DType::s32:
      return fill_as(-kExact, kExact);
    case DType::s64:
      return fill_as(std::int64_t{-kExact}, std::int64_t{kExact});
    case DType::boolean:
      return fill_as(std::uint8_t{0}, std::uint8_t{1});
    case DType::f32:
      break;
  }
  return false;
}

bool fold(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  Value& output = graph.output(node);
  const auto& attrs = node.as<PadAttrs>();
  if (node.inputs.size() > 1 || !uniform(x)) return false;
  const auto memory = allocate_elements(output);
  if (!fill_border(output, x.quant, attrs.value, memory.get())) return false;
  Layout source = dense(x.shape), target = dense(output.shape);
  Shape interior = output.shape;  // what of the input remains
  for (int axis = 0; axis < interior.rank(); ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    const std::int64_t size = output.shape[axis], first = std::clamp<std::int64_t>(attrs.begin[a], 0, size);
    interior[axis] = std::clamp(attrs.begin[a] + x.shape[axis], first, size) - first;
    source.offset += std::max<std::int64_t>(-attrs.begin[a], 0) * source.stride[a];
    target.offset += first * target.stride[a];
  }
  copy_elements(interior, size_of(x.dtype), x.data.get(), source, memory.get(), target);
  return become_constant(output, x.dtype, memory, x.quant);
}

constexpr OnnxRule kRules[] = {{"Pad", import_pad, "pads constant; reflect, edge and wrap need known sizes"}};

}  // namespace

const OpSchema pad_schema{kRules, infer, fold};

}  // namespace octet::graph
