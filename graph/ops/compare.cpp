// SPDX-License-Identifier: Apache-2.0
// Comparisons and logic: a bool per element of two broadcast operands.
#include <fmt/format.h>

#include "graph/broadcast.h"
#include "graph/composer.h"
#include "graph/constant.h"
#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

template <CompareFn fn, bool swapped = false>
Status import_compare(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  const ValueId a = context.inputs[swapped ? 1 : 0], b = context.inputs[swapped ? 0 : 1];
  return context.emit(Op::Compare, {a, b}, CompareAttrs{fn});
}

// not x is x xor true.
Status emit_not(ImportContext& context, ValueId x) {
  const std::uint8_t yes[] = {1};
  const ValueId truth = context.graph.add_constant<std::uint8_t>(context.name + "/true", DType::boolean, {}, yes);
  return context.emit(Op::Compare, {x, truth}, CompareAttrs{CompareFn::logical_xor});
}

Status import_not(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  return emit_not(context, context.inputs[0]);
}

// Only a NaN is not equal to itself.
Status import_is_nan(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const ValueId x = context.inputs[0];
  return emit_not(context, Composer(context).compare(CompareFn::equal, x, x));
}

bool is_logical(CompareFn fn) {
  return fn == CompareFn::logical_and || fn == CompareFn::logical_or || fn == CompareFn::logical_xor;
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 2, 2); !status) return status;
  const Value &a = graph.input(node, 0), &b = graph.input(node, 1);
  if (a.dtype != b.dtype || a.is_quantized() || b.is_quantized()) {
    return node_error(node, fmt::format("compares '{}', {}, with '{}', {}: must be of one type, and not codes", a.name,
                                        name_of(a.dtype), b.name, name_of(b.dtype)));
  }
  if (is_logical(node.as<CompareAttrs>().fn) && a.dtype != DType::boolean)
    return node_error(node, fmt::format("input '{}' is {}: must be bool", a.name, name_of(a.dtype)));
  Value& y = graph.output(node);
  y.dtype = DType::boolean;
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

template <class T>
bool fold_as(CompareFn fn, const Value& a, const Value& b, Value& y) {
  const auto left = a.as<T>(), right = b.as<T>();
  const auto memory = allocate_elements(y);
  for_each_broadcast(y.shape, a.shape, b.shape, [&](std::int64_t i, std::int64_t at_a, std::int64_t at_b) {
    const T x = left[static_cast<std::size_t>(at_a)], z = right[static_cast<std::size_t>(at_b)];
    bool result = false;
    switch (fn) {
      case CompareFn::equal:
        result = x == z;
        break;
      case CompareFn::less:
        result = x < z;
        break;
      case CompareFn::less_or_equal:
        result = x <= z;
        break;
      case CompareFn::logical_and:
        result = x != T{} && z != T{};
        break;
      case CompareFn::logical_or:
        result = x != T{} || z != T{};
        break;
      case CompareFn::logical_xor:
        result = (x != T{}) != (z != T{});
        break;
    }
    memory[i] = static_cast<std::byte>(result);
  });
  return become_constant(y, DType::boolean, memory, {});
}

bool fold(Graph& graph, Node& node) {
  const Value &a = graph.input(node, 0), &b = graph.input(node, 1);
  Value& y = graph.output(node);
  const CompareFn fn = node.as<CompareAttrs>().fn;
  if (a.dtype != b.dtype) return false;
  switch (a.dtype) {
    case DType::f32:
      return fold_as<float>(fn, a, b, y);
    case DType::s32:
      return fold_as<std::int32_t>(fn, a, b, y);
    case DType::s64:
      return fold_as<std::int64_t>(fn, a, b, y);
    case DType::s8:
      return fold_as<std::int8_t>(fn, a, b, y);
    case DType::u8:
    case DType::boolean:
      return fold_as<std::uint8_t>(fn, a, b, y);
  }
  return false;
}

constexpr OnnxRule kRules[] = {
    {"Equal", import_compare<CompareFn::equal>},
    {"Less", import_compare<CompareFn::less>},
    {"Greater", import_compare<CompareFn::less, true>},
    {"LessOrEqual", import_compare<CompareFn::less_or_equal>},
    {"GreaterOrEqual", import_compare<CompareFn::less_or_equal, true>},
    {"And", import_compare<CompareFn::logical_and>},
    {"Or", import_compare<CompareFn::logical_or>},
    {"Xor", import_compare<CompareFn::logical_xor>},
    {"Not", import_not},
    {"IsNaN", import_is_nan},
};

}  // namespace

const OpSchema compare_schema = {kRules, infer, fold};

}  // namespace octet::graph
