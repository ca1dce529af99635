// SPDX-License-Identifier: Apache-2.0
// Activation functions that are a few nodes of others.
#include <limits>

#include "graph/composer.h"
#include "graph/import/rules.h"

namespace octet::graph {
namespace {

template <ValueId (*expression)(ImportContext&, Composer&, ValueId)>
Status import_expression(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  Composer compose(context);
  return compose.finish(expression(context, compose, context.inputs[0]));
}

// gamma * (x for x > 0, alpha * (exp(x) - 1) else)
ValueId selu(ImportContext& context, Composer& compose, ValueId x) {
  const float alpha = context.real("alpha", 1.67326319F), gamma = context.real("gamma", 1.05070102F);
  return compose.binary(BinaryFn::mul, compose.unary(UnaryFn::elu, x, alpha), compose.constant(gamma));
}

// max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))
ValueId celu(ImportContext& context, Composer& compose, ValueId x) {
  const ValueId alpha = compose.constant(context.real("alpha", 1));
  const ValueId curve = compose.unary(UnaryFn::elu, compose.binary(BinaryFn::div, x, alpha), 1);
  const ValueId low = compose.binary(BinaryFn::min, compose.binary(BinaryFn::mul, curve, alpha), compose.constant(0));
  return compose.binary(BinaryFn::add, compose.unary(UnaryFn::relu, x), low);
}

ValueId softsign(ImportContext&, Composer& compose, ValueId x) {
  const ValueId below = compose.binary(BinaryFn::add, compose.unary(UnaryFn::abs, x), compose.constant(1));
  return compose.binary(BinaryFn::div, x, below);
}

ValueId mish(ImportContext&, Composer& compose, ValueId x) {
  return compose.binary(BinaryFn::mul, x, compose.unary(UnaryFn::tanh, compose.unary(UnaryFn::softplus, x)));
}

ValueId thresholded_relu(ImportContext& context, Composer& compose, ValueId x) {
  const ValueId above = compose.compare(CompareFn::less, compose.constant(context.real("alpha", 1)), x);
  return compose.node(Op::Where, {above, x, compose.constant(0)}, {});
}

// y + bias below -lambd, y - bias above lambd, 0 between them
ValueId shrink(ImportContext& context, Composer& compose, ValueId x) {
  const float lambda = context.real("lambd", 0.5F);
  const ValueId bias = compose.constant(context.real("bias", 0));
  const ValueId above = compose.compare(CompareFn::less, compose.constant(lambda), x);
  const ValueId below = compose.compare(CompareFn::less, x, compose.constant(-lambda));
  const ValueId low = compose.node(Op::Where, {below, compose.binary(BinaryFn::add, x, bias), compose.constant(0)}, {});
  return compose.node(Op::Where, {above, compose.binary(BinaryFn::sub, x, bias), low}, {});
}

ValueId sign(ImportContext&, Composer& compose, ValueId x) {
  const ValueId zero = compose.constant(0);
  const ValueId negative =
      compose.node(Op::Where, {compose.compare(CompareFn::less, x, zero), compose.constant(-1), zero}, {});
  return compose.node(Op::Where, {compose.compare(CompareFn::less, zero, x), compose.constant(1), negative}, {});
}

// Half to even. Floats from 2^23 on are whole; the fraction of a smaller one falls off beside 2^23.
ValueId round_half_even(ImportContext&, Composer& compose, ValueId x) {
  const ValueId far = compose.constant(0x1p23F), size = compose.unary(UnaryFn::abs, x);
  const ValueId rounded = compose.binary(BinaryFn::sub, compose.binary(BinaryFn::add, size, far), far);
  const ValueId negative = compose.compare(CompareFn::less, x, compose.constant(0));
  const ValueId with_sign = compose.node(Op::Where, {negative, compose.unary(UnaryFn::neg, rounded), rounded}, {});
  return compose.node(Op::Where, {compose.compare(CompareFn::less, size, far), with_sign, x}, {});
}

Status import_is_inf(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  Composer compose(context);
  const ValueId x = context.inputs[0];
  const bool above = context.integer("detect_positive", 1) != 0, below = context.integer("detect_negative", 1) != 0;
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const auto is = [&](float bound) { return compose.compare(CompareFn::equal, x, compose.constant(bound)); };
  const auto never = [&] { return compose.compare(CompareFn::less, x, compose.constant(-kInfinity)); };
  const ValueId high = above ? is(kInfinity) : never(), low = below ? is(-kInfinity) : never();
  return context.emit(Op::Compare, {high, low}, CompareAttrs{CompareFn::logical_or});
}

// x for x >= 0, slope * x else: max(x, 0) + slope * min(x, 0). With one slope it is LeakyRelu.
Status import_prelu(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  const ValueId x = context.inputs[0], slope = context.inputs[1];
  const Value& given = context.graph[slope];
  if (given.is_constant() && given.dtype == DType::f32 && given.shape.count() == 1)
    return context.emit(Op::Unary, {x}, UnaryAttrs{UnaryFn::leaky_relu, given.as<float>()[0], 0, {}});
  Composer compose(context);
  const ValueId low = compose.binary(BinaryFn::min, x, compose.constant(0));
  const ValueId high = compose.unary(UnaryFn::relu, x);
  return context.emit(Op::Binary, {high, compose.binary(BinaryFn::mul, low, slope)}, BinaryAttrs{BinaryFn::add, {}});
}

// x - m - log(sum(exp(x - m))), m the maximum along the axis
Status import_log_softmax(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const Value& value = context.graph[context.inputs[0]];
  std::int64_t axis = context.integer("axis", context.opset < 13 ? 1 : -1);
  std::vector<std::int64_t> axes{axis};
  if (context.opset < 13) {  // over all axes from this one on
    if (!value.shape_known) return context.error("before opset 13 the input's rank must be known");
    axes.clear();
    for (std::int64_t i = axis < 0 ? axis + value.shape.rank() : axis; i < value.shape.rank(); ++i) axes.push_back(i);
  }
  Composer compose(context);
  const ValueId x = context.inputs[0];
  const ValueId centred = compose.binary(BinaryFn::sub, x, compose.reduce(ReduceFn::max, x, axes, true));
  const ValueId sum = compose.reduce(ReduceFn::sum, compose.unary(UnaryFn::exp, centred), axes, true);
  return compose.finish(compose.binary(BinaryFn::sub, centred, compose.unary(UnaryFn::log, sum)));
}

// com.microsoft: Gelu and its approximation, x * sigmoid(alpha * x), and Gelu of a sum
Status import_fast_gelu(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 2); !status) return status;
  ValueId x = context.inputs[0];
  if (context.has_input(1)) x = Composer(context).binary(BinaryFn::add, x, context.inputs[1]);
  return context.emit(Op::Unary, {x}, UnaryAttrs{UnaryFn::gelu_tanh, 0, 0, {}});
}

Status import_gelu(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  return context.emit(Op::Unary, {context.inputs[0]}, UnaryAttrs{UnaryFn::gelu_erf, 0, 0, {}});
}

Status import_bias_gelu(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  const ValueId sum = Composer(context).binary(BinaryFn::add, context.inputs[0], context.inputs[1]);
  return context.emit(Op::Unary, {sum}, UnaryAttrs{UnaryFn::gelu_erf, 0, 0, {}});
}

ValueId quick_gelu(ImportContext& context, Composer& compose, ValueId x) {
  const ValueId scaled = compose.binary(BinaryFn::mul, x, compose.constant(context.real("alpha", 1.702F)));
  return compose.binary(BinaryFn::mul, x, compose.unary(UnaryFn::sigmoid, scaled));
}

constexpr OnnxRule kRules[] = {
    {"Selu", import_expression<selu>},
    {"Celu", import_expression<celu>},
    {"Softsign", import_expression<softsign>},
    {"Mish", import_expression<mish>},
    {"ThresholdedRelu", import_expression<thresholded_relu>},
    {"Shrink", import_expression<shrink>},
    {"Sign", import_expression<sign>},
    {"Round", import_expression<round_half_even>},
    {"IsInf", import_is_inf},
    {"PRelu", import_prelu},
    {"LogSoftmax", import_log_softmax},
    {"Gelu", import_gelu, "", "com.microsoft"},
    {"FastGelu", import_fast_gelu, "", "com.microsoft"},
    {"BiasGelu", import_bias_gelu, "", "com.microsoft"},
    {"QuickGelu", import_expression<quick_gelu>, "", "com.microsoft"},
};

}  // namespace

const std::span<const OnnxRule> composed_activation_rules = kRules;

}  // namespace octet::graph
