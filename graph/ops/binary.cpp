// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <cmath>

#include "graph/broadcast.h"
#include "graph/constant.h"
#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

bool is_integer(const Value& value) { return value.dtype == DType::s32 || value.dtype == DType::s64; }

template <BinaryFn fn>
Status import_binary(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  return context.emit(Op::Binary, context.inputs, BinaryAttrs{fn, {}});
}

// An exponent may be of another type than the base.
Status import_pow(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  ValueId exponent = context.inputs[1];
  const bool mixed = context.graph[context.inputs[0]].dtype == DType::f32 && is_integer(context.graph[exponent]);
  if (mixed) exponent = context.emit_step(Op::Cast, "exponent", {exponent}, CastAttrs{DType::f32});
  return context.emit(Op::Binary, {context.inputs[0], exponent}, BinaryAttrs{BinaryFn::pow, {}});
}

// Min, Max and Sum take any number of inputs: a chain from the left.
template <BinaryFn fn>
Status import_chain(ImportContext& context) {
  if (Status status = context.expect_inputs(1, context.inputs.size()); !status) return status;
  if (context.inputs.size() == 1) return context.alias(context.inputs[0]);
  ValueId left = context.inputs[0];
  for (std::size_t index = 1; index + 1 < context.inputs.size(); ++index) {
    if (!context.has_input(index)) return context.error(fmt::format("input {} is absent: it is not optional", index));
    left = context.emit_step(Op::Binary, fmt::format("{}", index), {left, context.inputs[index]}, BinaryAttrs{fn, {}});
  }
  if (context.inputs.back() == kNone) return context.error("the last input is absent: it is not optional");
  return context.emit(Op::Binary, {left, context.inputs.back()}, BinaryAttrs{fn, {}});
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 2, 2); !status) return status;
  const Value& a = graph.input(node, 0);
  const Value& b = graph.input(node, 1);
  Value& y = graph.output(node);
  if (is_integer(a) && a.dtype == b.dtype && !a.is_quantized() && !b.is_quantized()) {
    y.dtype = a.dtype;  // shape arithmetic
  } else {
    for (std::size_t index = 0; index < 2; ++index) {
      if (Status status = expect_activation(graph, node, index); !status) return status;
    }
    if (!y.is_quantized()) y.dtype = DType::f32;
  }
  y.shape_known = a.shape_known && b.shape_known;
  if (!y.shape_known) return {};
  const auto shape = broadcast(a.shape, b.shape);
  if (!shape) {
    return node_error(
        node, fmt::format("shapes {} and {} cannot be broadcast together", to_string(a.shape), to_string(b.shape)));
  }
  y.shape = *shape;
  return {};
}

// The operators of which every machine makes the same bits; pow is left to octet's own kernel.
float apply(BinaryFn fn, float a, float b) {
  switch (fn) {
    case BinaryFn::add:
      return a + b;
    case BinaryFn::sub:
      return a - b;
    case BinaryFn::mul:
      return a * b;
    case BinaryFn::div:
      return a / b;
    case BinaryFn::min:
      return std::isnan(a) || a < b ? a : b;
    case BinaryFn::max:
      return std::isnan(a) || a > b ? a : b;
    case BinaryFn::pow:
      break;
  }
  return 0;
}

bool fold_floats(const BinaryAttrs& attrs, const Value& a, const Value& b, Value& y) {
  if (attrs.fn == BinaryFn::pow) return false;
  std::vector<float> result(static_cast<std::size_t>(y.shape.count()));
  const float *left = a.as<float>().data(), *right = b.as<float>().data();
  for_each_broadcast(y.shape, a.shape, b.shape, [&](std::int64_t i, std::int64_t at_a, std::int64_t at_b) {
    float value = apply(attrs.fn, left[at_a], right[at_b]);
    if (value < attrs.clamp.lo) value = attrs.clamp.lo;
    if (value > attrs.clamp.hi) value = attrs.clamp.hi;
    result[static_cast<std::size_t>(i)] = value;
  });
  y = Graph::make_constant(y.name, y.dtype, y.shape, std::as_bytes(std::span(result)));
  return true;
}

bool fold(Graph& graph, Node& node) {
  // Two small constants can broadcast to something enormous; what is this large is computed when run.
  constexpr std::int64_t kMost = std::int64_t{1} << 26;
  const Value& a = graph.input(node, 0);
  const Value& b = graph.input(node, 1);
  Value& y = graph.output(node);
  if (!y.shape_known || y.shape.count() > kMost) return false;
  if (a.dtype != DType::f32) return fold_integer_binary(graph, node);
  const bool plain = b.dtype == DType::f32 && y.dtype == DType::f32;
  return plain && fold_floats(node.as<BinaryAttrs>(), a, b, y);
}

constexpr OnnxRule kRules[] = {
    {"Add", import_binary<BinaryFn::add>}, {"Sub", import_binary<BinaryFn::sub>}, {"Mul", import_binary<BinaryFn::mul>},
    {"Div", import_binary<BinaryFn::div>}, {"Pow", import_pow}, {"Min", import_chain<BinaryFn::min>},
    {"Max", import_chain<BinaryFn::max>},  {"Sum", import_chain<BinaryFn::add>},
};

}  // namespace

const OpSchema binary_schema = {kRules, infer, fold};

}  // namespace octet::graph
