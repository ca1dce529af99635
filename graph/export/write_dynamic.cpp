// SPDX-License-Identifier: Apache-2.0
// Quantization per run in the form that ONNX Runtime's dynamic quantizer writes:
//
//   x -> DynamicQuantizeLinear -> ConvInteger | MatMulInteger -> Cast -> Mul (sx * sw) -> Add b (-> Relu | Clip) -> y
#include <algorithm>

#include "graph/export/onnx_writer.h"
#include "graph/op.h"
#include "graph/passes/derived_constant.h"

namespace octet::graph {
namespace {

// One number per output before `behind` axes over which it is the same.
Shape per_output(std::size_t entries, int behind) {
  Shape shape{static_cast<std::int64_t>(entries)};
  for (int i = 0; i < behind; ++i) shape.push_back(1);
  return shape;
}

std::string floats(OnnxWriter& writer, const std::string& name, std::span<const float> numbers, const Shape& shape) {
  return writer.constant(Graph::make_constant(name, DType::f32, shape, std::as_bytes(numbers)));
}

// One number where all are the same, which is all that some readers take.
std::string weight_zero_point(OnnxWriter& writer, const Node& node) {
  const Value& w = writer.graph.input(node, 2);
  std::vector<std::byte> codes;
  for (std::int32_t zero : w.quant.zero_point) codes.push_back(static_cast<std::byte>(zero & 0xFF));
  if (std::ranges::count(codes, codes[0]) == static_cast<std::ptrdiff_t>(codes.size())) codes.resize(1);
  const Shape shape = codes.size() == 1 ? Shape{} : per_output(codes.size(), 0);
  return writer.constant(Graph::make_constant(node.name + "/weight_zero_point", w.dtype, shape, codes));
}

// What follows the s32 sums; `behind`: axes behind that of the outputs.
void finish_sums(OnnxWriter& writer, const Node& node, const std::string& sums, int behind, const Clamp& clamp) {
  if (!node.has_input(3)) {
    set_attribute(writer.finish(node, "Cast", {sums}, clamp), "to", std::int64_t{onnx::TensorProto::FLOAT});
    return;
  }
  const std::string real = writer.step(node, "Cast", {sums});
  set_attribute(writer.last_step(), "to", std::int64_t{onnx::TensorProto::FLOAT});
  const auto& scales = writer.graph.input(node, 2).quant.scale;
  const Shape scale_shape = scales.size() == 1 ? Shape{} : per_output(scales.size(), behind);
  const std::string scale = writer.step(
      node, "Mul", {writer.stored_input(node, 3), floats(writer, node.name + "/weight_scale", scales, scale_shape)});
  if (!node.has_input(4)) {
    writer.finish(node, "Mul", {real, scale}, clamp);
    return;
  }
  const std::string scaled = writer.step(node, "Mul", {real, scale});
  const auto bias = writer.graph.input(node, 4).as<float>();
  writer.finish(node, "Add", {scaled, floats(writer, node.name + "/bias", bias, per_output(bias.size(), behind))},
                clamp);
}

}  // namespace

Status write_dynamic_quantize(OnnxWriter& writer, const Node& node) {
  writer.finish(node, "DynamicQuantizeLinear", {writer.stored_input(node, 0)});
  return {};
}

Status write_dynamic_dense(OnnxWriter& writer, const Node& node) {
  constexpr std::int64_t kSwap[] = {1, 0};
  Value columns = permuted(writer.graph.input(node, 2), kSwap);  // MatMulInteger wants (k, n)
  columns.name = writer.graph.input(node, 2).name + "_transposed";
  const std::string sums = writer.step(node, "MatMulInteger",
                                       {writer.stored_input(node, 0), writer.constant(columns),
                                        writer.stored_input(node, 1), weight_zero_point(writer, node)});
  finish_sums(writer, node, sums, 0, node.as<DynamicDenseAttrs>().clamp);
  return {};
}

Status write_dynamic_conv2d(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<DynamicConv2dAttrs>();
  if (attrs.channels_last) return node_error(node, "is lowered for a session: export the model as loaded");
  const std::string sums = writer.step(node, "ConvInteger",
                                       {writer.stored_input(node, 0), writer.stored_input(node, 2),
                                        writer.stored_input(node, 1), weight_zero_point(writer, node)});
  set_window(writer.last_step(), attrs.window);
  set_attribute(writer.last_step(), "dilations", attrs.window.dilation);
  set_attribute(writer.last_step(), "group", attrs.groups);
  finish_sums(writer, node, sums, 2, attrs.clamp);
  return {};
}

}  // namespace octet::graph
