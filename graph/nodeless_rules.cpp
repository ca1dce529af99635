// SPDX-License-Identifier: Apache-2.0
// ONNX ops that become no node: a constant, or another name of a value.
#include <fmt/format.h>

#include "graph/op.h"

namespace octet::graph {
namespace {

// One of the forms that a Constant's value may have; kNone if it has another.
ValueId constant_of(ImportContext& context, const std::string& name, const OnnxAttribute& attribute) {
  Graph& graph = context.graph;
  const auto floats = [&](std::span<const float> elements, const Shape& shape) {
    return graph.add_constant(name, DType::f32, shape, elements);
  };
  const auto integers = [&](std::span<const std::int64_t> elements, const Shape& shape) {
    return graph.add_constant(name, DType::s64, shape, elements);
  };
  switch (attribute.kind) {
    case OnnxAttribute::Kind::tensor: {
      Value value = attribute.tensor;
      value.name = name;
      return graph.add_value(std::move(value));
    }
    case OnnxAttribute::Kind::real:
      return floats({&attribute.real, 1}, {});
    case OnnxAttribute::Kind::integer:
      return integers({&attribute.integer, 1}, {});
    case OnnxAttribute::Kind::reals:
      return floats(attribute.reals, {static_cast<std::int64_t>(attribute.reals.size())});
    case OnnxAttribute::Kind::integers:
      return integers(attribute.integers, {static_cast<std::int64_t>(attribute.integers.size())});
    default:
      return kNone;
  }
}

Status import_constant(ImportContext& context) {
  if (context.attributes.size() != 1) {
    return context.error(fmt::format("{} attributes: must be one that holds the value", context.attributes.size()));
  }
  const auto& [attribute_name, attribute] = *context.attributes.begin();
  const std::string name = context.output_names.empty() ? context.name : context.output_names[0];
  const ValueId id = constant_of(context, name, attribute);
  if (id == kNone) {
    return context.error(fmt::format(
        "attribute '{}': supported are value, value_float, value_floats, value_int and value_ints", attribute_name));
  }
  return context.alias(id);
}

Status import_identity(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  return context.alias(context.inputs[0]);
}

// Inference only: the input goes through, the mask is not made. Ratio and training_mode inputs (from
// opset 12) have no influence unless training is asked for.
Status import_dropout(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 3); !status) return status;
  if (context.has_input(2)) {
    const Value& training = context.graph[context.inputs[2]];
    if (!training.is_constant() || training.dtype != DType::boolean || training.shape.count() != 1 ||
        training.as<std::uint8_t>()[0] != 0) {
      return context.error("training_mode must be a constant false");
    }
  }
  return context.alias(context.inputs[0]);
}

constexpr OnnxRule kRules[] = {
    {"Constant", import_constant},
    {"Identity", import_identity},
    {"Dropout", import_dropout},
};

}  // namespace

const std::span<const OnnxRule> nodeless_rules = kRules;

}  // namespace octet::graph
