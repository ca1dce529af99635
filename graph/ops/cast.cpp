// SPDX-License-Identifier: Apache-2.0
// Cast: another element type. Shape arithmetic wanders through types and is folded; what stays in one type is
// renamed by constant folding; masks and token ids are cast when run.
#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// TensorProto.DataType of the types that a Cast may aim at.
struct Target {
  std::int64_t code;
  DType type;
};
constexpr Target kTargets[] = {{1, DType::f32}, {2, DType::u8},  {3, DType::s8},
                               {6, DType::s32}, {7, DType::s64}, {9, DType::boolean}};

// What makes `value`, views left aside.
const Node* maker_of(const ImportContext& context, ValueId value) {
  const Node* node = context.producer(value);
  while (node != nullptr && node->op == Op::Reshape) node = context.producer(node->inputs[0]);
  return node;
}

// The floats behind a Cast to s32 that ConvInteger or MatMulInteger end in: whole numbers, rounded to f32 as a Cast
// of the s32 to float would round them. kNone for anything else.
ValueId product_behind(const ImportContext& context, ValueId value) {
  const Node* cast = context.producer(value);
  if (cast == nullptr || cast->op != Op::Cast || cast->as<CastAttrs>().to != DType::s32) return kNone;
  const Node* product = maker_of(context, cast->inputs[0]);
  if (product == nullptr) return kNone;
  if (product->op == Op::DynamicDense || product->op == Op::DynamicConv2d) return cast->inputs[0];
  if (product->op != Op::Conv2d && product->op != Op::MatMul && product->op != Op::Dense) return kNone;
  for (std::size_t index = 0; index < 2; ++index) {
    const Node* border = maker_of(context, product->inputs[index]);
    if (border == nullptr || border->op != Op::Dequantize) return kNone;
    for (float scale : context.graph.input(*border, 0).quant.scale)
      if (scale != 1) return kNone;
  }
  return cast->inputs[0];
}

Status import_cast(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const std::int64_t to = context.integer("to", 0);
  if (to == kTargets[0].code) {
    const ValueId product = product_behind(context, context.inputs[0]);
    if (product != kNone) return context.alias(product);
  }
  for (const Target& target : kTargets)
    if (target.code == to) return context.emit(Op::Cast, context.inputs, CastAttrs{target.type});
  return context.unsupported("to", fmt::to_string(to),
                             "supported are 1 (float), 2 (uint8), 3 (int8), 6 (int32), 7 (int64) and 9 (bool)");
}

// The type is that of input 1, whatever that holds.
Status import_cast_like(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  return context.emit(Op::Cast, {context.inputs[0]}, CastAttrs{context.graph[context.inputs[1]].dtype});
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  const DType to = node.as<CastAttrs>().to;
  if (!x.shape_known) return set_unknown(graph, node, to);
  return set_output(graph, node, 0, to, to_dims(x.shape));
}

// Integers wrap, which C++20 defines; a float that an integer cannot hold has no defined result.
template <class To, class From>
bool convert(From from, To& to) {
  if constexpr (std::is_same_v<To, bool>) {
    to = from != From{};
  } else {
    if constexpr (std::is_same_v<From, float> && std::is_integral_v<To>) {
      const float limit = std::ldexp(1.0F, std::numeric_limits<To>::digits);
      if (!(from >= (std::is_signed_v<To> ? -limit : 0.0F) && from < limit)) return false;
    }
    to = static_cast<To>(from);
  }
  return true;
}

template <class From, class To>
bool fold_as(const Value& x, Value& output) {
  const auto memory = allocate_elements(output);
  const auto elements = x.as<From>();
  for (std::size_t i = 0; i < elements.size(); ++i) {
    To element{};
    if (!convert(elements[i], element)) return false;
    std::memcpy(memory.get() + i * sizeof(To), &element, sizeof(To));
  }
  return become_constant(output, output.dtype, memory, {});
}

template <class From>
bool fold_from(const Value& x, Value& output) {
  switch (output.dtype) {
    case DType::f32:
      return fold_as<From, float>(x, output);
    case DType::s32:
      return fold_as<From, std::int32_t>(x, output);
    case DType::s64:
      return fold_as<From, std::int64_t>(x, output);
    case DType::boolean:
      return fold_as<From, bool>(x, output);
    case DType::u8:
      return fold_as<From, std::uint8_t>(x, output);
    case DType::s8:
      return fold_as<From, std::int8_t>(x, output);
  }
  return false;
}

bool fold(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  Value& output = graph.output(node);
  if (x.is_quantized()) return false;  // codes are not numbers
  switch (x.dtype) {
    case DType::f32:
      return fold_from<float>(x, output);
    case DType::s32:
      return fold_from<std::int32_t>(x, output);
    case DType::s64:
      return fold_from<std::int64_t>(x, output);
    case DType::s8:
      return fold_from<std::int8_t>(x, output);
    case DType::u8:
    case DType::boolean:
      return fold_from<std::uint8_t>(x, output);  // a file's byte need not be 0 or 1
  }
  return false;
}

constexpr OnnxRule kRules[] = {{"Cast", import_cast}, {"CastLike", import_cast_like}};

}  // namespace

const OpSchema cast_schema{kRules, infer, fold};

}  // namespace octet::graph
