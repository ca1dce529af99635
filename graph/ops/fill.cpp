// SPDX-License-Identifier: Apache-2.0
// ConstantOfShape and Range: tensors that only sizes describe. Folded as soon as these are constant, which is when
// a session is made at the latest.
#include <fmt/format.h>

#include <cmath>

#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status import_constant_of_shape(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  FillAttrs attrs;
  if (context.has("value")) {
    const OnnxAttribute& value = context.attributes.find("value")->second;
    if (value.kind != OnnxAttribute::Kind::tensor || value.tensor.shape.count() != 1)
      return context.error("attribute 'value' must be a tensor of one element");
    attrs.type = value.tensor.dtype;
    std::memcpy(attrs.element.data(), value.tensor.data.get(), size_of(attrs.type));
  }
  return context.emit(Op::Fill, context.inputs, attrs);
}

Status import_range(ImportContext& context) {
  if (Status status = context.expect_inputs(3, 3); !status) return status;
  FillAttrs attrs;
  attrs.range = true;
  return context.emit(Op::Fill, context.inputs, attrs);
}

// start, start + step ... below limit (above it for a negative step); how many there are.
template <class T>
Result<std::int64_t> length_of(const Graph& graph, const Node& node) {
  std::array<T, 3> given;
  for (std::size_t i = 0; i < 3; ++i) {
    const Value& value = graph.input(node, i);
    if (value.shape.count() != 1 || value.dtype != graph.input(node, 0).dtype)
      return node_error(node, fmt::format("input {} is {} {}: must be one element, like the others", i,
                                          name_of(value.dtype), to_string(value.shape)));
    given[i] = value.as<T>()[0];
  }
  if (given[2] == T{}) return node_error(node, "step 0: must not be 0");
  const double count =
      std::ceil((static_cast<double>(given[1]) - static_cast<double>(given[0])) / static_cast<double>(given[2]));
  if (!(count <= 0x1p40)) return node_error(node, fmt::format("{} elements: must be at most 2^40", count));
  return static_cast<std::int64_t>(std::max(count, 0.0));
}

Status infer_range(Graph& graph, Node& node) {
  const DType type = graph.input(node, 0).dtype;
  if (type != DType::f32 && type != DType::s32 && type != DType::s64)
    return node_error(node, fmt::format("counts in {}: must be f32, s32 or s64", name_of(type)));
  for (ValueId id : node.inputs)
    if (!graph[id].is_constant()) return set_output(graph, node, 0, type, Dims{Shape::kUnknown});
  auto length = type == DType::f32   ? length_of<float>(graph, node)
                : type == DType::s32 ? length_of<std::int32_t>(graph, node)
                                     : length_of<std::int64_t>(graph, node);
  if (!length) return length.status();
  return set_output(graph, node, 0, type, Dims{*length});
}

Status infer(Graph& graph, Node& node) {
  const auto& attrs = node.as<FillAttrs>();
  if (attrs.range) return infer_range(graph, node);
  std::optional<Dims> dims;
  if (Status status = read_integers(graph, node, 0, dims); !status) return status;
  if (!dims) return set_unknown(graph, node, attrs.type);
  for (std::int64_t dim : *dims)
    if (dim < 0) return node_error(node, fmt::format("size {}: must be at least 0", dim));
  return set_output(graph, node, 0, attrs.type, *dims);
}

template <class T>
bool count_up(const Graph& graph, const Node& node, Value& y) {
  const T start = graph.input(node, 0).as<T>()[0], step = graph.input(node, 2).as<T>()[0];
  std::vector<T> elements;
  for (std::int64_t i = 0; i < y.shape.count(); ++i)
    elements.push_back(static_cast<T>(start + static_cast<T>(i) * step));
  y = Graph::make_constant(y.name, y.dtype, y.shape, std::as_bytes(std::span<const T>(elements)));
  return true;
}

bool fold(Graph& graph, Node& node) {
  const auto& attrs = node.as<FillAttrs>();
  Value& y = graph.output(node);
  if (attrs.range) {
    if (y.dtype == DType::f32) return count_up<float>(graph, node, y);
    return y.dtype == DType::s32 ? count_up<std::int32_t>(graph, node, y) : count_up<std::int64_t>(graph, node, y);
  }
  const auto memory = allocate_elements(y);
  const std::size_t size = size_of(y.dtype);
  for (std::size_t i = 0; i < static_cast<std::size_t>(y.shape.count()); ++i)
    std::memcpy(memory.get() + i * size, attrs.element.data(), size);
  return become_constant(y, y.dtype, memory, {});
}

constexpr OnnxRule kRules[] = {
    {"ConstantOfShape", import_constant_of_shape, "the shape must be known when a session is made"},
    {"Range", import_range, "all inputs must be known when a session is made"},
};

}  // namespace

const OpSchema fill_schema = {kRules, infer, fold};

}  // namespace octet::graph
