// SPDX-License-Identifier: Apache-2.0
// Shape: the sizes of its input as a vector of s64. Known as soon as the input's shape is; until then
// constant folding still answers for the sizes that are known.
#include <limits>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

// From opset 15 on Shape may give a range of sizes; that is a Slice, clamped by the same rules.
Status import_shape(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  if (!context.has("start") && !context.has("end")) return context.emit(Op::Shape, context.inputs, {});
  const ValueId whole = context.emit_step(Op::Shape, "shape", context.inputs, {});
  SliceAttrs range;
  range.given_starts = {context.integer("start", 0)};
  range.given_ends = {context.integer("end", std::numeric_limits<std::int64_t>::max())};
  return context.emit(Op::Slice, {whole}, range);
}

Status infer(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  const std::int64_t rank = x.shape_known ? x.shape.rank() : Shape::kUnknown;
  return set_output(graph, node, 0, DType::s64, Dims{rank});
}

// Asks for a known shape only, not for a constant input.
bool fold(Graph& graph, Node& node) {
  const Value& x = graph.input(node, 0);
  Value& output = graph.output(node);
  if (!x.shape_known || !x.shape.is_known()) return false;
  const auto memory = allocate_elements(output);
  std::memcpy(memory.get(), x.shape.begin(), static_cast<std::size_t>(x.shape.rank()) * sizeof(std::int64_t));
  return become_constant(output, DType::s64, memory, {});
}

constexpr OnnxRule kRules[] = {{"Shape", import_shape}};

}  // namespace

const OpSchema shape_schema{kRules, infer, fold};

}  // namespace octet::graph
