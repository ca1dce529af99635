// SPDX-License-Identifier: Apache-2.0
// Ops that move elements. What opset 13 wants as an input may stand as an attribute in the graph (a
// model of an older opset): it becomes an initializer then.
#include <algorithm>
#include <limits>

#include "graph/export/onnx_writer.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// Data as floats, everything behind it (shapes, axes, indices) as it is.
std::vector<std::string> data_and_rest(OnnxWriter& writer, const Node& node) {
  std::vector<std::string> names{writer.real_input(node, 0)};
  for (std::size_t i = 1; i < node.inputs.size(); ++i) names.push_back(writer.stored_input(node, i));
  while (names.back().empty()) names.pop_back();
  return names;
}

bool copies_no_zero(const Value& target) {
  if (!target.is_constant() || target.dtype != DType::s64) return false;
  const auto dims = target.as<std::int64_t>();
  return std::find(dims.begin(), dims.end(), 0) == dims.end();
}

const char* onnx_name(ResizeAttrs::Coordinates coordinates) {
  switch (coordinates) {
    case ResizeAttrs::Coordinates::half_pixel:
      return "half_pixel";
    case ResizeAttrs::Coordinates::pytorch_half_pixel:
      return "pytorch_half_pixel";
    case ResizeAttrs::Coordinates::align_corners:
      return "align_corners";
    case ResizeAttrs::Coordinates::asymmetric:
      return "asymmetric";
  }
  return "";
}

const char* onnx_name(ResizeAttrs::Nearest nearest) {
  switch (nearest) {
    case ResizeAttrs::Nearest::round_prefer_floor:
      return "round_prefer_floor";
    case ResizeAttrs::Nearest::round_prefer_ceil:
      return "round_prefer_ceil";
    case ResizeAttrs::Nearest::floor:
      return "floor";
    case ResizeAttrs::Nearest::ceil:
      return "ceil";
  }
  return "";
}

// ReshapeAttrs kinds squeeze and unsqueeze.
Status write_axes_op(OnnxWriter& writer, const Node& node, const char* op_type) {
  std::vector<std::string> inputs = data_and_rest(writer, node);
  const auto& axes = node.as<ReshapeAttrs>().axes;
  if (inputs.size() == 1 && !axes.empty()) inputs.push_back(writer.integers(node.name + "/axes", axes));
  writer.finish(node, op_type, inputs);
  return {};
}

}  // namespace

Status write_concat(OnnxWriter& writer, const Node& node) {
  set_attribute(writer.finish(node, "Concat", writer.real_inputs(node)), "axis", node.as<ConcatAttrs>().axis);
  return {};
}

Status write_reshape(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<ReshapeAttrs>();
  switch (attrs.kind) {
    case ReshapeAttrs::Kind::reshape:
      if (attrs.allow_zero && !copies_no_zero(writer.graph.input(node, 1))) {
        return node_error(node, "allowzero 1: must be 0 in opset 13 where the target shape has a 0");
      }
      writer.finish(node, "Reshape", data_and_rest(writer, node));
      return {};
    case ReshapeAttrs::Kind::flatten:
      set_attribute(writer.finish(node, "Flatten", {writer.real_input(node, 0)}), "axis",
                    attrs.axes.empty() ? std::int64_t{1} : attrs.axes[0]);
      return {};
    case ReshapeAttrs::Kind::squeeze:
      return write_axes_op(writer, node, "Squeeze");
    case ReshapeAttrs::Kind::unsqueeze:
      return write_axes_op(writer, node, "Unsqueeze");
  }
  return {};
}

Status write_transpose(OnnxWriter& writer, const Node& node) {
  onnx::NodeProto& out = writer.finish(node, "Transpose", {writer.real_input(node, 0)});
  if (!node.as<TransposeAttrs>().perm.empty()) set_attribute(out, "perm", node.as<TransposeAttrs>().perm);
  return {};
}

Status write_slice(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<SliceAttrs>();
  if (node.inputs.size() > 1) {  // not resolved, it hangs on an unknown size
    writer.finish(node, "Slice", data_and_rest(writer, node));
    return {};
  }
  std::vector<std::int64_t> starts = attrs.given_starts, ends = attrs.given_ends, axes = attrs.given_axes, steps;
  for (std::size_t axis = 0; axis < attrs.start.size(); ++axis) {
    if (attrs.count[axis] < 0) continue;
    const std::int64_t end = attrs.start[axis] + attrs.count[axis] * attrs.step[axis];
    starts.push_back(attrs.start[axis]);
    // Before the first element: as -1 it would count from the end.
    ends.push_back(end < 0 ? std::numeric_limits<std::int64_t>::min() : end);
    axes.push_back(static_cast<std::int64_t>(axis));
    steps.push_back(attrs.step[axis]);
  }
  if (starts.empty()) {  // everything
    writer.finish(node, "Identity", {writer.real_input(node, 0)});
    return {};
  }
  std::vector<std::string> inputs{writer.real_input(node, 0), writer.integers(node.name + "/starts", starts),
                                  writer.integers(node.name + "/ends", ends)};
  if (!axes.empty()) inputs.push_back(writer.integers(node.name + "/axes", axes));
  if (!steps.empty()) inputs.push_back(writer.integers(node.name + "/steps", steps));
  writer.finish(node, "Slice", inputs);
  return {};
}

Status write_split(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<SplitAttrs>();
  std::vector<std::string> inputs = data_and_rest(writer, node);
  if (inputs.size() == 1 && !attrs.sizes.empty()) inputs.push_back(writer.integers(node.name + "/sizes", attrs.sizes));
  set_attribute(writer.finish(node, "Split", inputs), "axis", attrs.axis);
  return {};
}

Status write_pad(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<PadAttrs>();
  std::vector<std::string> inputs = data_and_rest(writer, node);
  if (inputs.size() == 1) {
    std::vector<std::int64_t> pads = attrs.begin;
    pads.insert(pads.end(), attrs.end.begin(), attrs.end.end());
    inputs.push_back(writer.integers(node.name + "/pads", pads));
    if (attrs.value != 0) inputs.push_back(writer.float_scalar(node.name + "/value", attrs.value));
  }
  writer.finish(node, "Pad", inputs);
  return {};
}

Status write_resize(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<ResizeAttrs>();
  std::vector<std::string> inputs{writer.real_input(node, 0), ""};  // no region of interest
  if (node.inputs.size() > 1) {
    if (!attrs.axes.empty()) return node_error(node, "axes: opset 13 has none, and the sizes are not known yet");
    for (std::size_t i = 1; i < node.inputs.size(); ++i) inputs.push_back(writer.stored_input(node, i));
    if (inputs.back().empty()) inputs.pop_back();
  } else if (const Value& y = writer.graph.output(node); y.shape_known && y.shape.is_known()) {
    // Sizes, since in * (out / in) may round to less than out elsewhere.
    inputs.insert(inputs.end(), {"", writer.integers(node.name + "/sizes", y.shape.dims())});
  } else {
    const Shape shape{static_cast<std::int64_t>(attrs.scales.size())};
    const Value scales = Graph::make_constant(node.name + "/scales", DType::f32, shape,
                                              std::as_bytes(std::span<const float>(attrs.scales)));
    inputs.push_back(writer.constant(scales));
  }
  onnx::NodeProto& out = writer.finish(node, "Resize", inputs);
  set_attribute(out, "mode", attrs.mode == ResizeAttrs::Mode::nearest ? "nearest" : "linear");
  set_attribute(out, "coordinate_transformation_mode", onnx_name(attrs.coordinates));
  if (attrs.mode == ResizeAttrs::Mode::nearest) set_attribute(out, "nearest_mode", onnx_name(attrs.nearest));
  return {};
}

Status write_gather(OnnxWriter& writer, const Node& node) {
  set_attribute(writer.finish(node, "Gather", data_and_rest(writer, node)), "axis", node.as<GatherAttrs>().axis);
  return {};
}

Status write_shape(OnnxWriter& writer, const Node& node) {
  writer.finish(node, "Shape", {writer.stored_input(node, 0)});
  return {};
}

}  // namespace octet::graph
