// SPDX-License-Identifier: Apache-2.0
// The domain com.microsoft: operators on codes as ONNX Runtime's quantizer writes them, and what its optimizer fuses.
#include <fmt/format.h>

#include <algorithm>

#include "graph/composer.h"
#include "graph/import/qoperator.h"
#include "graph/import/rules.h"
#include "graph/integer_products.h"

namespace octet::graph {
namespace {

constexpr const char* kDomain = "com.microsoft";
constexpr const char* kConstant = "scales and zero points constant";

Status refuse_channels_last(const ImportContext& context) {
  if (context.integer("channels_last", 0) == 0) return {};
  return context.unsupported("channels_last", "1", "supported is 0");
}

// x, sx, zx, sy, zy: one activation, the attributes of the float op.
Status import_unary(ImportContext& context, std::string_view op_type) {
  if (Status status = context.expect_inputs(4, 5); !status) return status;
  if (Status status = refuse_channels_last(context); !status) return status;
  FloatForm form(context);
  const auto x = form.real(QuantInputs{});
  if (!x) return x.status();
  const DType dtype = context.graph[context.inputs[0]].dtype;
  const auto y = form.float_op(op_type, {*x});
  return y ? form.finish(*y, 3, 4, dtype) : y.status();
}

Status import_sigmoid(ImportContext& context) { return import_unary(context, "Sigmoid"); }
Status import_leaky_relu(ImportContext& context) { return import_unary(context, "LeakyRelu"); }
Status import_average_pool(ImportContext& context) { return import_unary(context, "AveragePool"); }
Status import_global_average_pool(ImportContext& context) { return import_unary(context, "GlobalAveragePool"); }
Status import_reduce_mean(ImportContext& context) { return import_unary(context, "ReduceMean"); }

// Its attribute `opset` says which Softmax is meant.
Status import_softmax(ImportContext& context) {
  const int opset = context.opset;
  context.opset = static_cast<int>(context.integer("opset", opset));
  const Status status = import_unary(context, "Softmax");
  context.opset = opset;
  return status;
}

// a, sa, za, b, sb, zb, sy, zy
template <const char* const& op_type>
Status import_binary(ImportContext& context) {
  if (Status status = context.expect_inputs(7, 8); !status) return status;
  FloatForm form(context);
  const auto a = form.real(QuantInputs{});
  if (!a) return a.status();
  const auto b = form.real({3, 4, 5});
  if (!b) return b.status();
  const DType dtype = context.graph[context.inputs[0]].dtype;
  const auto y = form.float_op(op_type, {*a, *b});
  return y ? form.finish(*y, 6, 7, dtype) : y.status();
}

constexpr const char *kAdd = "Add", *kMul = "Mul";

// sy, zy, then x, sx, zx of every part
Status import_concat(ImportContext& context) {
  if (context.inputs.size() < 5 || context.inputs.size() > 2 + 3 * 4096)
    return context.error(
        fmt::format("{} inputs: must be a scale, a zero point, and three per part", context.inputs.size()));
  FloatForm form(context);
  std::vector<ValueId> parts;
  for (std::size_t index = 2; index + 1 < context.inputs.size(); index += 3) {
    const auto part = form.real({index, index + 1, index + 2});
    if (!part) return part.status();
    parts.push_back(*part);
  }
  const DType dtype = context.graph[context.inputs[2]].dtype;
  const auto y = form.float_op("Concat", std::move(parts));
  return y ? form.finish(*y, 0, 1, dtype) : y.status();
}

// condition, a, sa, za, b, sb, zb, sy, zy
Status import_where(ImportContext& context) {
  if (Status status = context.expect_inputs(8, 9); !status) return status;
  FloatForm form(context);
  const auto a = form.real({1, 2, 3});
  if (!a) return a.status();
  const auto b = form.real({4, 5, 6});
  if (!b) return b.status();
  const DType dtype = context.graph[context.inputs[1]].dtype;
  const auto y = form.float_op("Where", {context.inputs[0], *a, *b});
  return y ? form.finish(*y, 7, 8, dtype) : y.status();
}

// a, sa, za, b, sb, zb, optional bias (s32 of scale alpha*sa*sb), optional sy, zy: floats without them
Status import_gemm(ImportContext& context) {
  if (Status status = context.expect_inputs(6, 9); !status) return status;
  FloatForm form(context);
  const auto a = form.real(QuantInputs{});
  if (!a) return a.status();
  const bool transposed = context.integer("transB", 0) != 0;
  const auto b = form.real({3, 4, 5, transposed ? 0 : 1});
  if (!b) return b.status();
  std::vector<ValueId> inputs{*a, *b};
  if (context.has_input(6)) {
    const auto c = form.bias(6, form.quant_of(*a), form.quant_of(*b), context.real("alpha", 1));
    if (!c) return c.status();
    inputs.push_back(*c);
  }
  const DType dtype = context.graph[context.inputs[0]].dtype;
  const auto y = form.float_op("Gemm", std::move(inputs));
  if (!y) return y.status();
  return context.has_input(7) ? form.finish(*y, 7, 8, dtype) : Composer(context).finish(*y);
}

// The dynamic product of a with weights in `inputs`, times f32(scale_a * scale_w), plus the bias in input `bias`.
Status emit_dynamic(ImportContext& context, const DynamicCodes& a, const QuantInputs& inputs, std::size_t bias) {
  auto weights = read_quant_parameters(context, inputs);
  if (!weights) return weights.status();
  const auto product = dynamic_product(context, a.codes, a.zero_point, context.inputs[inputs.codes], weights->quant);
  if (!product) return product.status();
  Composer compose(context);
  const std::vector<float>& scales = weights->quant.scale;
  const Shape shape = scales.size() > 1 ? Shape{static_cast<std::int64_t>(scales.size())} : Shape{};
  const ValueId scale = compose.binary(BinaryFn::mul, a.scale, compose.constants(shape, scales));
  if (!context.has_input(bias)) return context.emit(Op::Binary, {*product, scale}, BinaryAttrs{BinaryFn::mul, {}});
  const ValueId scaled = compose.binary(BinaryFn::mul, *product, scale);
  return context.emit(Op::Binary, {scaled, context.inputs[bias]}, BinaryAttrs{BinaryFn::add, {}});
}

// x in float, b, sb, optional zb, bias
Status import_dynamic_matmul(ImportContext& context) {
  if (Status status = context.expect_inputs(3, 5); !status) return status;
  return emit_dynamic(context, quantize_dynamically(context, context.inputs[0]), {1, 2, 3, -1}, 4);
}

// a, b, sa, sb, optional za, zb, bias in float: float result
Status import_matmul_to_float(ImportContext& context) {
  if (Status status = context.expect_inputs(4, 7); !status) return status;
  if (context.has_input(4) && !context.graph[context.inputs[4]].is_constant())
    return emit_dynamic(context, {context.inputs[0], context.inputs[2], context.inputs[4]}, {1, 3, 5, -1}, 6);
  FloatForm form(context);
  const auto a = form.real({0, 2, 4, -2});
  if (!a) return a.status();
  const auto b = form.real({1, 3, 5, -1});
  if (!b) return b.status();
  const auto y = form.float_op("MatMul", {*a, *b});
  if (!y || !context.has_input(6)) return y ? Composer(context).finish(*y) : y.status();
  return context.emit(Op::Binary, {*y, context.inputs[6]}, BinaryAttrs{BinaryFn::add, {}});
}

// The activation that attributes `activation` and `activation_params` name, behind a fused operator.
Result<ValueId> activated(ImportContext& context, ValueId x) {
  const std::string name = context.text("activation", "");
  std::vector<float> given;
  if (const auto found = context.attributes.find("activation_params"); found != context.attributes.end())
    given = found->second.reals;
  const auto parameter = [&](std::size_t index, float otherwise) {
    return index < given.size() ? given[index] : otherwise;
  };
  Composer compose(context);
  if (name.empty()) return x;
  if (name == "Relu") return compose.unary(UnaryFn::relu, x);
  if (name == "Sigmoid") return compose.unary(UnaryFn::sigmoid, x);
  if (name == "Tanh") return compose.unary(UnaryFn::tanh, x);
  if (name == "LeakyRelu") return compose.unary(UnaryFn::leaky_relu, x, parameter(0, 0.01F));
  if (name == "HardSigmoid") return compose.unary(UnaryFn::hard_sigmoid, x, parameter(0, 0.2F), parameter(1, 0.5F));
  if (name == "Clip") {
    UnaryAttrs attrs{UnaryFn::clip, 0, 0, {}};
    attrs.clip = {parameter(0, attrs.clip.lo), parameter(1, attrs.clip.hi)};
    return compose.node(Op::Unary, {x}, attrs);
  }
  return context.unsupported("activation", name, "supported are Relu, Sigmoid, Tanh, LeakyRelu, HardSigmoid and Clip");
}

// x, w, optional bias, optional sum: Conv, then the sum is added, then the activation
Status import_fused_conv(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 4); !status) return status;
  std::vector<ValueId> inputs = context.inputs;
  const ValueId residual = context.has_input(3) ? context.inputs[3] : kNone;
  inputs.resize(std::min<std::size_t>(inputs.size(), 3));
  while (inputs.back() == kNone) inputs.pop_back();
  auto y = FloatForm(context).float_op("Conv", std::move(inputs));
  if (!y) return y.status();
  Composer compose(context);
  y = activated(context, residual == kNone ? *y : compose.binary(BinaryFn::add, *y, residual));
  return y ? compose.finish(*y) : y.status();
}

Status import_fused_gemm(ImportContext& context) {
  const auto product = FloatForm(context).float_op("Gemm", context.inputs);
  if (!product) return product.status();
  const auto y = activated(context, *product);
  return y ? Composer(context).finish(*y) : y.status();
}

// x, skip, scale, optional bias of the norm, optional bias of the sum
Status import_skip_layer_norm(ImportContext& context) {
  if (Status status = context.expect_inputs(3, 5); !status) return status;
  Composer compose(context);
  ValueId sum = compose.binary(BinaryFn::add, context.inputs[0], context.inputs[1]);
  if (context.has_input(4)) sum = compose.binary(BinaryFn::add, sum, context.inputs[4]);
  std::vector<ValueId> inputs{sum, context.inputs[2]};
  if (context.has_input(3)) inputs.push_back(context.inputs[3]);
  return context.emit(Op::LayerNorm, std::move(inputs), LayerNormAttrs{-1, context.real("epsilon", 1e-12F)});
}

constexpr OnnxRule kRules[] = {
    {"QLinearAdd", import_binary<kAdd>, kConstant, kDomain},
    {"QLinearMul", import_binary<kMul>, kConstant, kDomain},
    {"QLinearSigmoid", import_sigmoid, kConstant, kDomain},
    {"QLinearLeakyRelu", import_leaky_relu, kConstant, kDomain},
    {"QLinearSoftmax", import_softmax, kConstant, kDomain},
    {"QLinearAveragePool", import_average_pool, "channels_last 0; scales and zero points constant", kDomain},
    {"QLinearGlobalAveragePool", import_global_average_pool, "channels_last 0; scales and zero points constant",
     kDomain},
    {"QLinearReduceMean", import_reduce_mean, kConstant, kDomain},
    {"QLinearConcat", import_concat, kConstant, kDomain},
    {"QLinearWhere", import_where, kConstant, kDomain},
    {"QGemm", import_gemm, "scales, zero points and bias constant", kDomain},
    {"MatMulIntegerToFloat", import_matmul_to_float, "parameters of a constant b constant", kDomain},
    {"FusedConv", import_fused_conv, "", kDomain},
    {"FusedGemm", import_fused_gemm, "", kDomain},
    {"SkipLayerNormalization", import_skip_layer_norm, "output 0 alone", kDomain},
    {"DynamicQuantizeMatMul", import_dynamic_matmul, "b and its parameters constant", kDomain},
};

}  // namespace

const std::span<const OnnxRule> contrib_qoperator_rules = kRules;

}  // namespace octet::graph
