// SPDX-License-Identifier: Apache-2.0
// Where: one of two operands per element, as a condition says.
#include <fmt/format.h>

#include "graph/broadcast.h"
#include "graph/constant.h"
#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status import_where(ImportContext& context) {
  if (Status status = context.expect_inputs(3, 3); !status) return status;
  return context.emit(Op::Where, context.inputs, {});
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 3, 3); !status) return status;
  const Value &condition = graph.input(node, 0), &a = graph.input(node, 1), &b = graph.input(node, 2);
  if (condition.dtype != DType::boolean)
    return node_error(node,
                      fmt::format("condition '{}' is {}: must be bool", condition.name, name_of(condition.dtype)));
  if (a.dtype != b.dtype)
    return node_error(
        node, fmt::format("chooses between {} and {}: must be of one type", name_of(a.dtype), name_of(b.dtype)));
  Value& y = graph.output(node);
  if (!y.is_quantized()) y.dtype = a.dtype;
  y.shape_known = condition.shape_known && a.shape_known && b.shape_known;
  if (!y.shape_known) return {};
  auto shape = broadcast(a.shape, b.shape);
  if (shape) shape = broadcast(*shape, condition.shape);
  if (!shape) {
    return node_error(node, fmt::format("shapes {}, {} and {} cannot be broadcast together", to_string(condition.shape),
                                        to_string(a.shape), to_string(b.shape)));
  }
  y.shape = *shape;
  return {};
}

bool fold(Graph& graph, Node& node) {
  const Value &condition = graph.input(node, 0), &a = graph.input(node, 1), &b = graph.input(node, 2);
  Value& y = graph.output(node);
  if (a.quant != b.quant || !uniform(a) || a.dtype != b.dtype) return false;
  const std::size_t size = size_of(a.dtype);
  const auto memory = allocate_elements(y);
  const auto choose = [&](const Value& from, bool wanted) {
    for_each_broadcast(y.shape, condition.shape, from.shape,
                       [&](std::int64_t i, std::int64_t at, std::int64_t element) {
                         if ((condition.data[at] != std::byte{0}) == wanted)
                           std::memcpy(memory.get() + static_cast<std::size_t>(i) * size,
                                       from.data.get() + static_cast<std::size_t>(element) * size, size);
                       });
  };
  choose(a, true);
  choose(b, false);
  return become_constant(y, a.dtype, memory, a.quant);
}

constexpr OnnxRule kRules[] = {{"Where", import_where}};

}  // namespace

const OpSchema where_schema = {kRules, infer, fold};

}  // namespace octet::graph
