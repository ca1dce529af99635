// SPDX-License-Identifier: Apache-2.0
// Ops that compare, choose, repeat and reduce. Opset 13 has no LayerNormalization: it is written as what it means.
#include <algorithm>

#include "graph/export/onnx_writer.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// Axes from `axis` to the end, counted from the end: the rank may be unknown to a reader.
std::vector<std::int64_t> axes_from(std::int64_t axis, const Value& x) {
  std::vector<std::int64_t> axes;
  for (std::int64_t i = axis < 0 ? axis : axis - x.shape.rank(); i < 0; ++i) axes.push_back(i);
  return axes;
}

std::string mean(OnnxWriter& writer, const Node& node, const std::string& x, const std::vector<std::int64_t>& axes) {
  std::string name = writer.step(node, "ReduceMean", {x});
  set_attribute(writer.last_step(), "axes", axes);
  return name;
}

const char* onnx_name(ReduceFn fn) {
  switch (fn) {
    case ReduceFn::sum:
      return "ReduceSum";
    case ReduceFn::max:
      return "ReduceMax";
    case ReduceFn::min:
      return "ReduceMin";
    case ReduceFn::prod:
      return "ReduceProd";
  }
  return "";
}

const char* onnx_name(CompareFn fn) {
  switch (fn) {
    case CompareFn::equal:
      return "Equal";
    case CompareFn::less:
      return "Less";
    case CompareFn::less_or_equal:
      return "LessOrEqual";
    case CompareFn::logical_and:
      return "And";
    case CompareFn::logical_or:
      return "Or";
    case CompareFn::logical_xor:
      return "Xor";
  }
  return "";
}

std::vector<std::string> stored_inputs(OnnxWriter& writer, const Node& node) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) names.push_back(writer.stored_input(node, i));
  return names;
}

}  // namespace

Status write_reduce(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<ReduceAttrs>();
  if (node.inputs.size() > 1 && attrs.fn != ReduceFn::sum)
    return node_error(node, "axes that are not known yet: opset 13 has them as an attribute");
  std::vector<std::string> inputs{writer.real_input(node, 0)};
  const bool as_input = attrs.fn == ReduceFn::sum;
  if (node.inputs.size() > 1) inputs.push_back(writer.stored_input(node, 1));
  if (as_input && node.inputs.size() == 1 && !attrs.axes.empty())
    inputs.push_back(writer.integers(node.name + "/axes", attrs.axes));
  onnx::NodeProto& out = writer.finish(node, onnx_name(attrs.fn), inputs);
  if (!as_input && !attrs.axes.empty()) set_attribute(out, "axes", attrs.axes);
  set_attribute(out, "keepdims", std::int64_t{attrs.keep_dims});
  return {};
}

Status write_arg_max(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<ArgMaxAttrs>();
  onnx::NodeProto& out = writer.finish(node, attrs.smallest ? "ArgMin" : "ArgMax", {writer.real_input(node, 0)});
  set_attribute(out, "axis", attrs.axis);
  set_attribute(out, "keepdims", std::int64_t{attrs.keep_dims});
  set_attribute(out, "select_last_index", std::int64_t{attrs.last});
  return {};
}

Status write_compare(OnnxWriter& writer, const Node& node) {
  writer.finish(node, onnx_name(node.as<CompareAttrs>().fn), stored_inputs(writer, node));
  return {};
}

Status write_where(OnnxWriter& writer, const Node& node) {
  writer.finish(node, "Where", {writer.stored_input(node, 0), writer.real_input(node, 1), writer.real_input(node, 2)});
  return {};
}

Status write_tile(OnnxWriter& writer, const Node& node) {
  writer.finish(node, node.as<TileAttrs>().expand ? "Expand" : "Tile",
                {writer.real_input(node, 0), writer.stored_input(node, 1)});
  return {};
}

Status write_fill(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<FillAttrs>();
  onnx::NodeProto& out = writer.finish(node, attrs.range ? "Range" : "ConstantOfShape", stored_inputs(writer, node));
  if (attrs.range) return {};
  onnx::AttributeProto& value = *out.add_attribute();
  value.set_name("value");
  value.set_type(onnx::AttributeProto::TENSOR);
  value.mutable_t()->set_data_type(onnx_type(attrs.type));
  value.mutable_t()->add_dims(1);
  value.mutable_t()->set_raw_data(attrs.element.data(), size_of(attrs.type));
  return {};
}

Status write_layer_norm(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<LayerNormAttrs>();
  const Value& x = writer.graph.input(node, 0);
  if (attrs.axis >= 0 && !x.shape_known) return node_error(node, "its input's rank is not known: it cannot be written");
  const std::vector<std::int64_t> axes = axes_from(attrs.axis, x);
  const std::string input = writer.real_input(node, 0);
  const std::string centred = writer.step(node, "Sub", {input, mean(writer, node, input, axes)});
  const std::string variance = mean(writer, node, writer.step(node, "Mul", {centred, centred}), axes);
  const std::string epsilon = writer.float_scalar(node.name + "/epsilon", attrs.epsilon);
  const std::string deviation = writer.step(node, "Sqrt", {writer.step(node, "Add", {variance, epsilon})});
  if (!node.has_input(1) && !node.has_input(2)) {
    writer.finish(node, "Div", {centred, deviation});
    return {};
  }
  const std::string normal = writer.step(node, "Div", {centred, deviation});
  if (!node.has_input(2)) {
    writer.finish(node, "Mul", {normal, writer.stored_input(node, 1)});
    return {};
  }
  const std::string scaled =
      node.has_input(1) ? writer.step(node, "Mul", {normal, writer.stored_input(node, 1)}) : normal;
  writer.finish(node, "Add", {scaled, writer.stored_input(node, 2)});
  return {};
}

}  // namespace octet::graph
