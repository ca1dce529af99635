// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>
#include <optional>

#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

template <UnaryFn fn>
Status import_unary(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  UnaryAttrs attrs;
  attrs.fn = fn;
  return context.emit(Op::Unary, {context.inputs[0]}, attrs);
}

// Functions with parameters: their ONNX defaults stand here.
struct Parameters {
  UnaryFn fn;
  float alpha, beta;
};
constexpr Parameters kLeakyRelu{UnaryFn::leaky_relu, 0.01F, 0};
constexpr Parameters kElu{UnaryFn::elu, 1, 0};
constexpr Parameters kHardSigmoid{UnaryFn::hard_sigmoid, 0.2F, 0.5F};

template <const Parameters& parameters>
Status import_with(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  UnaryAttrs attrs;
  attrs.fn = parameters.fn;
  attrs.alpha = context.real("alpha", parameters.alpha);
  attrs.beta = context.real("beta", parameters.beta);
  if (!std::isfinite(attrs.alpha) || !std::isfinite(attrs.beta)) {
    return context.error(fmt::format("alpha {} and beta {}: must be finite", attrs.alpha, attrs.beta));
  }
  return context.emit(Op::Unary, {context.inputs[0]}, attrs);
}

Status import_gelu(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const std::string approximate = context.text("approximate", "none");
  UnaryAttrs attrs;
  if (approximate == "none") {
    attrs.fn = UnaryFn::gelu_erf;
  } else if (approximate == "tanh") {
    attrs.fn = UnaryFn::gelu_tanh;
  } else {
    return context.unsupported("approximate", approximate, "supported are none and tanh");
  }
  return context.emit(Op::Unary, {context.inputs[0]}, attrs);
}

// A bound of Clip given as input (from opset 11): a float, or a code where codes are clipped. That is
// how exporters write codes in fewer than 8 bits; the bound is then the number behind its code.
Status read_bound(const ImportContext& context, std::size_t index, float& bound) {
  if (!context.has_input(index)) return {};
  const Value &x = context.graph[context.inputs[0]], &value = context.graph[context.inputs[index]];
  const bool one = value.is_constant() && value.shape.count() == 1;
  const bool of_codes = x.dtype == DType::u8 || x.dtype == DType::s8;
  if (one && value.dtype == DType::f32 && !of_codes) {
    bound = value.as<float>()[0];
    return {};
  }
  if (one && of_codes && value.dtype == x.dtype && x.is_quantized() && x.quant.per_tensor()) {
    const int code = x.dtype == DType::u8 ? value.as<std::uint8_t>()[0] : value.as<std::int8_t>()[0];
    bound = x.quant.scale[0] * static_cast<float>(code - x.quant.zero_point[0]);
    return {};
  }
  return context.error(fmt::format("input {} ('{}'): must be a constant with one f32, or one code where the input is "
                                   "codes of one scale", index, value.name));
}

Status import_clip(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 3); !status) return status;
  UnaryAttrs attrs;
  attrs.fn = UnaryFn::clip;
  if (context.opset < 11) {
    attrs.clip = {context.real("min", attrs.clip.lo), context.real("max", attrs.clip.hi)};
  } else {
    if (Status status = read_bound(context, 1, attrs.clip.lo); !status) return status;
    if (Status status = read_bound(context, 2, attrs.clip.hi); !status) return status;
  }
  // The largest finite float is how "no bound" is written by default.
  if (attrs.clip.lo == std::numeric_limits<float>::lowest()) attrs.clip.lo = Clamp().lo;
  if (attrs.clip.hi == std::numeric_limits<float>::max()) attrs.clip.hi = Clamp().hi;
  if (!(attrs.clip.lo <= attrs.clip.hi)) {
    return context.error(
        fmt::format("bounds {} and {}: the first must not exceed the second", attrs.clip.lo, attrs.clip.hi));
  }
  if (Status status = context.emit(Op::Unary, {context.inputs[0]}, attrs); !status) return status;
  const Value& x = context.graph[context.inputs[0]];
  Value& y = context.graph[context.outputs[0]];
  if (x.is_quantized()) {  // codes clipped are codes of the same meaning
    y.dtype = x.dtype;
    y.quant = x.quant;
  }
  return {};
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 1, 1); !status) return status;
  const Value& x = graph.input(node, 0);
  const UnaryFn fn = node.as<UnaryAttrs>().fn;
  const bool takes_integers = fn == UnaryFn::neg || fn == UnaryFn::abs;
  if (takes_integers && (x.dtype == DType::s32 || x.dtype == DType::s64) && !x.is_quantized()) {
    graph.output(node).dtype = x.dtype;  // shape arithmetic
    graph.output(node).shape = x.shape;
    graph.output(node).shape_known = x.shape_known;
    return {};
  }
  if (Status status = expect_activation(graph, node, 0); !status) return status;
  if (x.shape_known) {
    set_activation(graph, node, x.shape);
  } else {
    set_unknown_activation(graph, node);
  }
  return {};
}

// Only functions that IEEE 754 defines to the last bit are folded; exp and its kin come from octet's
// own kernels, since libm differs between systems.
std::optional<float> apply(const UnaryAttrs& attrs, float x) {
  switch (attrs.fn) {
    case UnaryFn::relu:
      return x < 0 ? 0.0F : x;
    case UnaryFn::clip:
      return x < attrs.clip.lo ? attrs.clip.lo : x > attrs.clip.hi ? attrs.clip.hi : x;
    case UnaryFn::leaky_relu:
      return x < 0 ? attrs.alpha * x : x;
    case UnaryFn::sqrt:
      return std::sqrt(x);
    case UnaryFn::reciprocal:
      return 1.0F / x;
    case UnaryFn::neg:
      return -x;
    case UnaryFn::abs:
      return std::fabs(x);
    case UnaryFn::floor:
      return std::floor(x);
    case UnaryFn::ceil:
      return std::ceil(x);
    default:
      return std::nullopt;
  }
}

template <class T>
void fold_integers(UnaryFn fn, const Value& x, Value& y) {
  std::vector<T> result(x.as<T>().begin(), x.as<T>().end());
  for (T& element : result) {
    // Negated as unsigned: the smallest integer has no positive twin and stays itself.
    if (fn == UnaryFn::neg || element < 0) element = static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(element));
  }
  y = Graph::make_constant(y.name, y.dtype, y.shape, std::as_bytes(std::span(result)));
}

bool fold(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  Value& y = graph.output(node);
  const auto& attrs = node.as<UnaryAttrs>();
  if (!y.shape_known || x.is_quantized() || y.is_quantized() || x.dtype != y.dtype) return false;
  if (x.dtype == DType::s64) {
    fold_integers<std::int64_t>(attrs.fn, x, y);
    return true;
  }
  if (x.dtype == DType::s32) {
    fold_integers<std::int32_t>(attrs.fn, x, y);
    return true;
  }
  if (x.dtype != DType::f32 || !apply(attrs, 0)) return false;
  std::vector<float> result(x.as<float>().begin(), x.as<float>().end());
  for (float& element : result) element = *apply(attrs, element);
  y = Graph::make_constant(y.name, y.dtype, y.shape, std::as_bytes(std::span(result)));
  return true;
}

constexpr OnnxRule kRules[] = {
    {"Relu", import_unary<UnaryFn::relu>},
    {"Clip", import_clip},
    {"LeakyRelu", import_with<kLeakyRelu>},
    {"Elu", import_with<kElu>},
    {"Sigmoid", import_unary<UnaryFn::sigmoid>},
    {"HardSigmoid", import_with<kHardSigmoid>},
    {"HardSwish", import_unary<UnaryFn::hard_swish>},
    {"Tanh", import_unary<UnaryFn::tanh>},
    {"Gelu", import_gelu},
    {"Erf", import_unary<UnaryFn::erf>},
    {"Exp", import_unary<UnaryFn::exp>},
    {"Log", import_unary<UnaryFn::log>},
    {"Sqrt", import_unary<UnaryFn::sqrt>},
    {"Reciprocal", import_unary<UnaryFn::reciprocal>},
    {"Neg", import_unary<UnaryFn::neg>},
    {"Abs", import_unary<UnaryFn::abs>},
    {"Floor", import_unary<UnaryFn::floor>},
    {"Ceil", import_unary<UnaryFn::ceil>},
    {"Softplus", import_unary<UnaryFn::softplus>},
};

}  // namespace

const OpSchema unary_schema = {kRules, infer, fold};

}  // namespace octet::graph
