// SPDX-License-Identifier: Apache-2.0
// Resize and the older Upsample: every axis stretched by a scale.
//
// Scales or sizes come as inputs (Upsample of opset 7: as attribute). Once every scale is known the
// attribute says it all and the inputs go.
#include <fmt/format.h>

#include <cmath>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

using Mode = ResizeAttrs::Mode;
using Coordinates = ResizeAttrs::Coordinates;
using Nearest = ResizeAttrs::Nearest;

template <class T>
struct Word {
  const char* text;
  T meaning;
};
constexpr Word<Mode> kModes[] = {{"nearest", Mode::nearest}, {"linear", Mode::linear}};
constexpr Word<Coordinates> kCoordinates[] = {{"half_pixel", Coordinates::half_pixel},
                                              {"pytorch_half_pixel", Coordinates::pytorch_half_pixel},
                                              {"align_corners", Coordinates::align_corners},
                                              {"asymmetric", Coordinates::asymmetric}};
constexpr Word<Nearest> kNearest[] = {{"round_prefer_floor", Nearest::round_prefer_floor},
                                      {"round_prefer_ceil", Nearest::round_prefer_ceil},
                                      {"floor", Nearest::floor},
                                      {"ceil", Nearest::ceil}};

// Replaces `meaning` by that of the attribute's word, if the attribute is there.
template <class T, std::size_t N>
Status read_word(const ImportContext& context, const char* attribute, const Word<T> (&words)[N], T& meaning) {
  if (!context.has(attribute)) return {};
  const std::string text = context.text(attribute, words[0].text);
  std::string supported = "supported are";
  for (const Word<T>& word : words) {
    if (text == word.text) {
      meaning = word.meaning;
      return {};
    }
    supported += fmt::format("{} {}", &word == words ? "" : ",", word.text);
  }
  return context.unsupported(attribute, text, supported);
}

Status import_resize(ImportContext& context) {
  ResizeAttrs attrs;
  if (Status status = read_word(context, "mode", kModes, attrs.mode); !status) return status;
  if (context.opset < 11) {  // opset 10 is Upsample under a new name
    attrs.coordinates = Coordinates::asymmetric;
    attrs.nearest = Nearest::floor;
    if (Status status = context.expect_inputs(2, 2); !status) return status;
    return context.emit(Op::Resize, {context.inputs[0], context.inputs[1], kNone}, attrs);
  }
  if (Status status = context.expect_inputs(1, 4); !status) return status;
  if (Status status = read_word(context, "coordinate_transformation_mode", kCoordinates, attrs.coordinates); !status)
    return status;
  if (Status status = read_word(context, "nearest_mode", kNearest, attrs.nearest); !status) return status;
  if (context.integer("antialias", 0) != 0) return context.unsupported("antialias", "1", "supported is 0");
  const std::string policy = context.text("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch") return context.unsupported("keep_aspect_ratio_policy", policy, "supported is stretch");
  attrs.axes = context.integers("axes");
  const auto input = [&](std::size_t index) { return context.has_input(index) ? context.inputs[index] : kNone; };
  if (input(2) == kNone && input(3) == kNone) return context.error("neither scales nor sizes: one must be given");
  // The region of interest (input 1) has a meaning for tf_crop_and_resize only.
  return context.emit(Op::Resize, {context.inputs[0], input(2), input(3)}, attrs);
}

Status import_upsample(ImportContext& context) {
  ResizeAttrs attrs;
  attrs.coordinates = Coordinates::asymmetric;
  attrs.nearest = Nearest::floor;
  if (Status status = read_word(context, "mode", kModes, attrs.mode); !status) return status;
  if (context.opset >= 9) {
    if (Status status = context.expect_inputs(2, 2); !status) return status;
    return context.emit(Op::Resize, {context.inputs[0], context.inputs[1], kNone}, attrs);
  }
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const auto scales = context.attributes.find("scales");
  if (scales == context.attributes.end() || scales->second.kind != OnnxAttribute::Kind::reals)
    return context.error("attribute 'scales' must be a list of floats");
  attrs.scales = scales->second.reals;
  return context.emit(Op::Resize, context.inputs, attrs);
}

// The stretched size. The product is rounded to float before it is cut, as the runtimes do that the
// scales were made for. A scale that came from sizes gives that size back: out / in rounds, and so the
// product may fall just below `out`.
Status stretch(const Node& node, int axis, float scale, std::int64_t& size) {
  if (!(scale > 0) || !std::isfinite(scale))
    return node_error(node, fmt::format("scale {} at axis {}: must be above 0 and finite", scale, axis));
  if (size < 0 || scale == 1.0F) return {};
  const float product = static_cast<float>(size) * scale;
  if (!(product < 0x1p31F))
    return node_error(node, fmt::format("scale {} at axis {}: the result is too large", scale, axis));
  const auto result = static_cast<std::int64_t>(product);
  const bool rounded_down = size > 0 && static_cast<float>(result + 1) / static_cast<float>(size) == scale;
  size = rounded_down ? result + 1 : result;
  return {};
}

Status infer_from_scales(Graph& graph, const Node& node, const Value& x) {
  const auto& scales = node.as<ResizeAttrs>().scales;
  if (scales.size() != static_cast<std::size_t>(x.shape.rank()))
    return node_error(node, fmt::format("{} scales: must be {}, the rank of the input", scales.size(), x.shape.rank()));
  Dims dims = to_dims(x.shape);
  for (std::size_t axis = 0; axis < dims.size(); ++axis)
    if (Status status = stretch(node, static_cast<int>(axis), scales[axis], dims[axis]); !status) return status;
  return set_output(graph, node, 0, x.dtype, dims);
}

// The axes that the inputs speak of: `axes` of opset 18, or all.
Status read_axes(const Node& node, int rank, std::size_t entries, const char* what, Dims& axes) {
  axes = node.as<ResizeAttrs>().axes;
  if (Status status = resolve_axes(node, rank, axes); !status) return status;
  if (axes.empty())
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
  if (entries == axes.size()) return {};
  return node_error(node, fmt::format("{} {}: must be {}, one per axis", entries, what, axes.size()));
}

void resolve_scales(Node& node, std::vector<float> scales) {
  auto& attrs = node.as<ResizeAttrs>();
  attrs.scales = std::move(scales);
  attrs.axes.clear();
  node.inputs.resize(1);
}

Status take_scales(Node& node, const Value& x, const std::vector<float>& given) {
  Dims axes;
  if (Status status = read_axes(node, x.shape.rank(), given.size(), "scales", axes); !status) return status;
  std::vector<float> scales(static_cast<std::size_t>(x.shape.rank()), 1.0F);
  for (std::size_t i = 0; i < axes.size(); ++i) scales[static_cast<std::size_t>(axes[i])] = given[i];
  resolve_scales(node, std::move(scales));
  return {};
}

// Sizes are the result; scales follow from them where the input's size is known.
Status take_sizes(Graph& graph, Node& node, const Value& x, const Dims& given) {
  Dims axes, dims = to_dims(x.shape);
  if (Status status = read_axes(node, x.shape.rank(), given.size(), "sizes", axes); !status) return status;
  std::vector<float> scales(dims.size(), 1.0F);
  bool complete = true;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<std::size_t>(axes[i]);
    if (given[i] < 1 || dims[axis] == 0)
      return node_error(node,
                        fmt::format("size {} to {} at axis {}: both must be at least 1", dims[axis], given[i], axis));
    if (dims[axis] < 0) complete = false;
    scales[axis] = static_cast<float>(given[i]) / static_cast<float>(dims[axis]);
    dims[axis] = given[i];
  }
  if (complete) resolve_scales(node, std::move(scales));
  return set_output(graph, node, 0, x.dtype, dims);
}

// An exporter writes an empty tensor where it means no input.
bool is_given(const Graph& graph, const Node& node, std::size_t index) {
  if (!node.has_input(index)) return false;
  const Value& value = graph.input(node, index);
  return !value.shape_known || value.shape != Shape{0};
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  if (!x.shape_known) return set_unknown(graph, node, x.dtype);
  if (node.inputs.size() == 1) return infer_from_scales(graph, node, x);
  const bool by_scales = is_given(graph, node, 1), by_sizes = is_given(graph, node, 2);
  if (by_scales == by_sizes) return node_error(node, "scales and sizes: exactly one of them must be given");
  if (by_scales && graph.input(node, 1).is_constant()) {
    const auto scales = reals_of(graph.input(node, 1));
    if (!scales) return node_error(node, "scales must be a vector of f32");
    if (Status status = take_scales(node, x, *scales); !status) return status;
    return infer_from_scales(graph, node, x);
  }
  if (by_sizes) {
    std::optional<Dims> sizes;
    if (Status status = read_integers(graph, node, 2, sizes); !status) return status;
    if (sizes) return take_sizes(graph, node, x, *sizes);
  }
  return set_output(graph, node, 0, x.dtype, Dims(static_cast<std::size_t>(x.shape.rank()), Shape::kUnknown));
}

constexpr OnnxRule kRules[] = {{"Resize", import_resize}, {"Upsample", import_upsample}};

}  // namespace

const OpSchema resize_schema{kRules, infer};

}  // namespace octet::graph
