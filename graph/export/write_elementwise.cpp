// SPDX-License-Identifier: Apache-2.0
// Binary, Unary, Softmax, and the conversions between floats and codes.
#include <cmath>

#include "graph/export/onnx_writer.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

const char* onnx_name(BinaryFn fn) {
  switch (fn) {
    case BinaryFn::add:
      return "Add";
    case BinaryFn::sub:
      return "Sub";
    case BinaryFn::mul:
      return "Mul";
    case BinaryFn::div:
      return "Div";
    case BinaryFn::pow:
      return "Pow";
    case BinaryFn::min:
      return "Min";
    case BinaryFn::max:
      return "Max";
  }
  return "";
}

// The functions that opset 13 has as one op; nullptr for the others.
const char* onnx_name(UnaryFn fn) {
  switch (fn) {
    case UnaryFn::relu:
      return "Relu";
    case UnaryFn::leaky_relu:
      return "LeakyRelu";
    case UnaryFn::elu:
      return "Elu";
    case UnaryFn::sigmoid:
      return "Sigmoid";
    case UnaryFn::hard_sigmoid:
      return "HardSigmoid";
    case UnaryFn::tanh:
      return "Tanh";
    case UnaryFn::erf:
      return "Erf";
    case UnaryFn::exp:
      return "Exp";
    case UnaryFn::log:
      return "Log";
    case UnaryFn::sqrt:
      return "Sqrt";
    case UnaryFn::reciprocal:
      return "Reciprocal";
    case UnaryFn::neg:
      return "Neg";
    case UnaryFn::abs:
      return "Abs";
    case UnaryFn::floor:
      return "Floor";
    case UnaryFn::ceil:
      return "Ceil";
    case UnaryFn::softplus:
      return "Softplus";
    case UnaryFn::clip:
    case UnaryFn::hard_swish:
    case UnaryFn::silu:
    case UnaryFn::gelu_erf:
    case UnaryFn::gelu_tanh:
      break;
  }
  return nullptr;
}

// x * HardSigmoid(x): HardSwish itself came with opset 14.
void write_hard_swish(OnnxWriter& writer, const Node& node, const std::string& x) {
  const std::string gate = writer.step(node, "HardSigmoid", {x});
  set_attribute(writer.last_step(), "alpha", 1.0F / 6.0F);
  set_attribute(writer.last_step(), "beta", 0.5F);
  writer.finish(node, "Mul", {x, gate});
}

// x * (0.5 * (1 + ...)) as exporters of transformers write it.
void write_gelu(OnnxWriter& writer, const Node& node, const std::string& x, const std::string& inner) {
  const auto scalar = [&](float value) { return writer.float_scalar(node.name + "/constant", value); };
  const std::string shifted = writer.step(node, "Add", {inner, scalar(1.0F)});
  const std::string product = writer.step(node, "Mul", {x, shifted});
  writer.finish(node, "Mul", {product, scalar(0.5F)});
}

std::string erf_of_scaled(OnnxWriter& writer, const Node& node, const std::string& x) {
  const std::string root = writer.float_scalar(node.name + "/constant", std::sqrt(2.0F));
  return writer.step(node, "Erf", {writer.step(node, "Div", {x, root})});
}

// tanh(sqrt(2/pi) * (x + 0.044715 * x^3))
std::string tanh_of_cubic(OnnxWriter& writer, const Node& node, const std::string& x) {
  const auto scalar = [&](float value) { return writer.float_scalar(node.name + "/constant", value); };
  const std::string cube = writer.step(node, "Pow", {x, scalar(3.0F)});
  const std::string bent = writer.step(node, "Mul", {cube, scalar(0.044715F)});
  const std::string sum = writer.step(node, "Add", {x, bent});
  return writer.step(node, "Tanh", {writer.step(node, "Mul", {sum, scalar(0.7978845608F)})});
}

Status write_conversion(OnnxWriter& writer, const Node& node) {
  const auto* attrs = std::get_if<QuantizeAttrs>(&node.attrs);
  writer.convert(node, attrs != nullptr ? attrs->clamp : Clamp{});
  return {};
}

}  // namespace

Status write_binary(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<BinaryAttrs>();
  writer.finish(node, onnx_name(attrs.fn), writer.real_inputs(node), attrs.clamp);
  return {};
}

Status write_unary(OnnxWriter& writer, const Node& node) {
  const auto& attrs = node.as<UnaryAttrs>();
  const std::string x = writer.real_input(node, 0);
  if (const char* name = onnx_name(attrs.fn); name != nullptr) {
    onnx::NodeProto& out = writer.finish(node, name, {x});
    const bool hard_sigmoid = attrs.fn == UnaryFn::hard_sigmoid;
    if (hard_sigmoid || attrs.fn == UnaryFn::leaky_relu || attrs.fn == UnaryFn::elu) {
      set_attribute(out, "alpha", attrs.alpha);
    }
    if (hard_sigmoid) set_attribute(out, "beta", attrs.beta);
    return {};
  }
  switch (attrs.fn) {
    case UnaryFn::clip: {
      const bool lo = std::isfinite(attrs.clip.lo), hi = std::isfinite(attrs.clip.hi);
      std::vector<std::string> inputs{x};
      if (lo || hi) inputs.push_back(lo ? writer.float_scalar(node.name + "/min", attrs.clip.lo) : "");
      if (hi) inputs.push_back(writer.float_scalar(node.name + "/max", attrs.clip.hi));
      writer.finish(node, "Clip", inputs);
      return {};
    }
    case UnaryFn::hard_swish:
      write_hard_swish(writer, node, x);
      return {};
    case UnaryFn::silu:
      writer.finish(node, "Mul", {x, writer.step(node, "Sigmoid", {x})});
      return {};
    case UnaryFn::gelu_erf:
      write_gelu(writer, node, x, erf_of_scaled(writer, node, x));
      return {};
    case UnaryFn::gelu_tanh:
      write_gelu(writer, node, x, tanh_of_cubic(writer, node, x));
      return {};
    default:
      return node_error(node, "this function has no ONNX form");
  }
}

Status write_softmax(OnnxWriter& writer, const Node& node) {
  set_attribute(writer.finish(node, "Softmax", {writer.real_input(node, 0)}), "axis", node.as<SoftmaxAttrs>().axis);
  return {};
}

Status write_quantize(OnnxWriter& writer, const Node& node) { return write_conversion(writer, node); }
Status write_dequantize(OnnxWriter& writer, const Node& node) { return write_conversion(writer, node); }
Status write_requantize(OnnxWriter& writer, const Node& node) { return write_conversion(writer, node); }

Status write_cast(OnnxWriter& writer, const Node& node) {
  set_attribute(writer.finish(node, "Cast", {writer.real_input(node, 0)}), "to",
                std::int64_t{onnx_type(node.as<CastAttrs>().to)});
  return {};
}

Status write_batch_norm(OnnxWriter& writer, const Node& node) {
  set_attribute(writer.finish(node, "BatchNormalization", writer.real_inputs(node)), "epsilon",
                node.as<BatchNormAttrs>().epsilon);
  return {};
}

}  // namespace octet::graph
