// SPDX-License-Identifier: Apache-2.0
#include "graph/quant_parameters.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

Status expect_constant(const ImportContext& context, std::size_t index, const char* what) {
  const Value& value = context.graph[context.inputs[index]];
  if (!value.is_constant()) return context.error(fmt::format("{} '{}': must be a constant", what, value.name));
  if (value.shape.rank() > 1) {
    return context.error(fmt::format("{} '{}' has shape {}: supported are one per tensor and one per index of an axis",
                                     what, value.name, to_string(value.shape)));
  }
  if (value.shape.count() < 1) return context.error(fmt::format("{} '{}' is empty", what, value.name));
  return {};
}

Status read_scale(const ImportContext& context, std::size_t index, Quant& quant) {
  if (!context.has_input(index)) return context.error(fmt::format("input {}, a scale, is absent", index));
  if (Status status = expect_constant(context, index, "scale"); !status) return status;
  const Value& scale = context.graph[context.inputs[index]];
  if (scale.dtype != DType::f32) {
    return context.error(fmt::format("scale '{}' has type {}: must be f32", scale.name, name_of(scale.dtype)));
  }
  for (float entry : scale.as<float>()) {
    if (!std::isfinite(entry) || entry <= 0) {
      return context.error(fmt::format("scale '{}' has the entry {}: must be finite and above 0", scale.name, entry));
    }
    quant.scale.push_back(entry);
  }
  return {};
}

Status read_zero_point(const ImportContext& context, std::size_t index, QuantParameters& parameters) {
  const std::size_t entries = parameters.quant.scale.size();
  auto& zero_point = parameters.quant.zero_point;
  if (!context.has_input(index)) {
    zero_point.assign(entries, 0);
    return {};
  }
  if (Status status = expect_constant(context, index, "zero point"); !status) return status;
  const Value& value = context.graph[context.inputs[index]];
  if (static_cast<std::size_t>(value.shape.count()) != entries) {
    return context.error(fmt::format("zero point '{}' has {} entries: must be as many as scales, {}", value.name,
                                     value.shape.count(), entries));
  }
  parameters.dtype = value.dtype;
  const auto take = [&](auto codes) { zero_point.assign(codes.begin(), codes.end()); };
  if (value.dtype == DType::u8) {
    take(value.as<std::uint8_t>());
  } else if (value.dtype == DType::s8) {
    take(value.as<std::int8_t>());
  } else if (value.dtype == DType::s32) {
    take(value.as<std::int32_t>());
  } else {
    return context.error(
        fmt::format("zero point '{}' has type {}: must be u8, s8 or s32", value.name, name_of(value.dtype)));
  }
  return {};
}

}  // namespace

Result<QuantParameters> read_quant_parameters(const ImportContext& context, const QuantInputs& inputs) {
  QuantParameters parameters;
  if (Status status = read_scale(context, inputs.scale, parameters.quant); !status) return status;
  if (Status status = read_zero_point(context, inputs.zero_point, parameters); !status) return status;
  if (parameters.quant.scale.size() == 1) return parameters;  // per tensor, also if written as a vector

  std::int64_t axis = inputs.axis;
  const Value& x = context.graph[context.inputs[inputs.codes]];
  if (axis < 0 && x.shape_known) axis += x.shape.rank();
  if (axis < 0 || axis >= Shape::kMaxRank) {
    return context.error(fmt::format("axis {}: must be an axis of the input", inputs.axis));
  }
  parameters.quant.axis = static_cast<int>(axis);
  return parameters;
}

Result<QuantParameters> read_quant_parameters(const ImportContext& context) {
  if (Status status = context.expect_inputs(2, 3); !status) return status;
  if (const std::int64_t size = context.integer("block_size", 0); size != 0) {
    return context.unsupported("block_size", fmt::to_string(size), "blocked scales are not supported");
  }
  return read_quant_parameters(context, {.axis = context.integer("axis", 1)});
}

ValueId with_parameters(ImportContext& context, ValueId codes, const Quant& quant, std::string name) {
  Graph& graph = context.graph;
  if (!graph[codes].is_quantized()) graph[codes].quant = quant;
  if (graph[codes].quant == quant) return codes;
  Value twin = graph[codes];
  twin.name = std::move(name);
  twin.quant = quant;
  if (twin.is_constant()) return graph.add_value(std::move(twin));
  const ValueId view =
      context.emit_step(Op::Reshape, "same_codes", {codes}, ReshapeAttrs{ReshapeAttrs::Kind::unsqueeze, {}, false});
  twin.name = graph[view].name;
  graph[view] = std::move(twin);
  return view;
}

Status check_quant(const Node& node, const Shape& shape, const Quant& quant) {
  if (quant.per_tensor()) return {};
  if (quant.axis < shape.rank() && may_equal(shape[quant.axis], static_cast<std::int64_t>(quant.scale.size())))
    return {};
  return node_error(node, fmt::format("{} scales for axis {} of shape {}: must be one per index", quant.scale.size(),
                                      quant.axis, to_string(shape)));
}

}  // namespace octet::graph
