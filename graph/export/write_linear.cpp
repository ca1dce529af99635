// SPDX-License-Identifier: Apache-2.0
// Conv, ConvTranspose, Gemm, MatMul and pooling: the ops with sums of products, and windows.
#include <array>

#include "graph/export/onnx_writer.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

void set_pads(onnx::NodeProto& out, const Window& window) {
  switch (window.auto_pad) {
    case AutoPad::same_upper:
      return set_attribute(out, "auto_pad", "SAME_UPPER");
    case AutoPad::same_lower:
      return set_attribute(out, "auto_pad", "SAME_LOWER");
    case AutoPad::valid:
      return set_attribute(out, "auto_pad", "VALID");
    case AutoPad::none:
      break;
  }
  const std::array<std::int64_t, 4> pads{window.pad_begin[0], window.pad_begin[1], window.pad_end[0],
                                         window.pad_end[1]};
  set_attribute(out, "pads", pads);
}

Status lowered(const Node& node) { return node_error(node, "is lowered for a session: export the model as loaded"); }

// w (n, k) as the (k, n) that MatMul wants.
Value transposed(const Value& weight) {
  const std::int64_t rows = weight.shape[0], columns = weight.shape[1];
  const std::size_t size = size_of(weight.dtype);
  std::vector<std::byte> bytes(static_cast<std::size_t>(rows * columns) * size);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) {
      std::copy_n(weight.data.get() + static_cast<std::size_t>(r * columns + c) * size, size,
                  bytes.data() + static_cast<std::size_t>(c * rows + r) * size);
    }
  }
  Value result = Graph::make_constant(weight.name + "_transposed", weight.dtype, {columns, rows}, bytes);
  result.quant = weight.quant;
  if (!result.quant.per_tensor()) result.quant.axis = 1;
  return result;
}

}  // namespace

void set_window(onnx::NodeProto& out, const Window& window) {
  set_attribute(out, "kernel_shape", window.kernel);
  set_attribute(out, "strides", window.stride);
  set_pads(out, window);
}

Status write_conv2d(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<Conv2dAttrs>();
  if (attrs.channels_last || attrs.residual.present) return lowered(node);
  onnx::NodeProto& out = writer.finish(node, "Conv", writer.real_inputs(node), attrs.clamp);
  set_window(out, attrs.window);
  set_attribute(out, "dilations", attrs.window.dilation);
  set_attribute(out, "group", attrs.groups);
  return {};
}

Status write_conv_transpose2d(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<ConvTranspose2dAttrs>();
  if (attrs.channels_last) return lowered(node);
  onnx::NodeProto& out = writer.finish(node, "ConvTranspose", writer.real_inputs(node), attrs.clamp);
  set_window(out, attrs.window);
  set_attribute(out, "dilations", attrs.window.dilation);
  set_attribute(out, "group", attrs.groups);
  set_attribute(out, "output_padding", attrs.output_padding);
  if (attrs.output_shape[0] > 0) set_attribute(out, "output_shape", attrs.output_shape);
  return {};
}

Status write_dense(OnnxWriter& writer, const Node& node) {
  const Clamp& clamp = node.as<DenseAttrs>().clamp;
  const Value& x = writer.graph.input(node, 0);
  if (x.shape_known && x.shape.rank() == 2) {
    set_attribute(writer.finish(node, "Gemm", writer.real_inputs(node), clamp), "transB", std::int64_t{1});
    return {};
  }
  // Gemm takes matrices only.
  const Value& weight = writer.graph.input(node, 1);
  if (!weight.is_constant()) return node_error(node, "its weights are computed at run time: cannot be exported");
  const std::string input = writer.real_input(node, 0);
  const Value matrix = transposed(weight);
  std::string right = writer.constant(matrix);
  if (matrix.is_quantized()) right = writer.dequantize(right, node.inputs[1], matrix.quant);
  if (!node.has_input(2)) {
    writer.finish(node, "MatMul", {input, right}, clamp);
    return {};
  }
  const std::string product = writer.step(node, "MatMul", {input, right});
  writer.finish(node, "Add", {product, writer.real_input(node, 2)}, clamp);
  return {};
}

Status write_matmul(OnnxWriter& writer, const Node& node) {
  writer.finish(node, "MatMul", writer.real_inputs(node), node.as<MatMulAttrs>().clamp);
  return {};
}

Status write_pool(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<PoolAttrs>();
  if (attrs.channels_last) return lowered(node);
  const bool average = attrs.kind == PoolKind::average;
  if (attrs.global) {
    writer.finish(node, average ? "GlobalAveragePool" : "GlobalMaxPool", writer.real_inputs(node));
    return {};
  }
  const bool dilated = attrs.window.dilation != std::array<std::int64_t, 2>{1, 1};
  if (average && dilated) return node_error(node, "dilations: AveragePool has none before opset 19, this is opset 13");
  onnx::NodeProto& out = writer.finish(node, average ? "AveragePool" : "MaxPool", writer.real_inputs(node));
  set_window(out, attrs.window);
  set_attribute(out, "ceil_mode", std::int64_t{attrs.ceil_mode});
  if (average) set_attribute(out, "count_include_pad", std::int64_t{attrs.count_include_pad});
  if (dilated) set_attribute(out, "dilations", attrs.window.dilation);
  return {};
}

Status write_reduce_mean(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<ReduceMeanAttrs>();
  onnx::NodeProto& out = writer.finish(node, "ReduceMean", {writer.real_input(node, 0)});
  if (!attrs.axes.empty()) set_attribute(out, "axes", attrs.axes);
  set_attribute(out, "keepdims", std::int64_t{attrs.keep_dims});
  return {};
}

}  // namespace octet::graph
