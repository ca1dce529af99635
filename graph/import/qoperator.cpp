// SPDX-License-Identifier: Apache-2.0
#include "graph/import/qoperator.h"

#include <fmt/format.h>

#include "graph/import/rules.h"

namespace octet::graph {

Result<ValueId> FloatForm::real(const QuantInputs& inputs) {
  if (!context_.has_input(inputs.codes)) return context_.error(fmt::format("input {} is absent", inputs.codes));
  auto parameters = read_quant_parameters(context_, inputs);
  if (!parameters) return parameters.status();
  const Value& codes = context_.graph[context_.inputs[inputs.codes]];
  if (codes.dtype != DType::u8 && codes.dtype != DType::s8) {
    return context_.error(
        fmt::format("input {} ('{}') is {}: must be u8 or s8 codes", inputs.codes, codes.name, name_of(codes.dtype)));
  }
  if (parameters->dtype && *parameters->dtype != codes.dtype) {
    return context_.error(fmt::format("input {} is {} and its zero point {}: must be the same", inputs.codes,
                                      name_of(codes.dtype), name_of(*parameters->dtype)));
  }
  return real(context_.inputs[inputs.codes], parameters->quant);
}

ValueId FloatForm::real(ValueId codes, const Quant& quant) {
  const std::size_t first = context_.graph.nodes.size();
  const std::string name = fmt::format("{}/{}", context_.name, context_.graph[codes].name);
  const ValueId meant = with_parameters(context_, codes, quant, name);
  const std::string suffix = fmt::format("real{}", context_.graph.nodes.size());
  const ValueId result = context_.emit_step(Op::Dequantize, suffix, {meant}, {});
  // The rules that read it look at its shape. What is wrong with it comes out again after this rule.
  for (std::size_t index = first; index < context_.graph.nodes.size(); ++index)
    static_cast<void>(infer_node(context_.graph, context_.graph.nodes[index]));
  return result;
}

const Quant& FloatForm::quant_of(ValueId real) const { return context_.graph.input(*context_.producer(real), 0).quant; }

Result<ValueId> FloatForm::bias(std::size_t index, const Quant& x, const Quant& w, float factor) {
  const Value& codes = context_.graph[context_.inputs[index]];
  if (!codes.is_constant() || codes.dtype != DType::s32) {
    return context_.error(fmt::format("bias '{}' is {}{}: must be constant s32", codes.name,
                                      codes.is_constant() ? "" : "a computed ", name_of(codes.dtype)));
  }
  Quant quant;
  for (float scale : w.scale) quant.scale.push_back(factor * x.scale[0] * scale);
  quant.zero_point.assign(quant.scale.size(), 0);
  if (quant.scale.size() > 1) quant.axis = codes.shape.rank() - 1;
  return real(context_.inputs[index], quant);
}

Result<ValueId> FloatForm::float_op(std::string_view op_type, std::vector<ValueId> inputs) {
  const OnnxRule* rule = find_onnx_rule("", op_type);
  if (rule == nullptr) return context_.error(fmt::format("its float form {} is not supported", op_type));
  std::swap(context_.inputs, inputs);
  std::vector<std::string> output_names{context_.name + "/real"};
  std::swap(context_.output_names, output_names);
  const Status status = rule->import(context_);
  std::swap(context_.inputs, inputs);
  std::swap(context_.output_names, output_names);
  if (!status) return status;
  return context_.outputs[0];
}

Status FloatForm::finish(ValueId real, std::size_t scale, std::size_t zero_point, DType otherwise) {
  auto parameters = read_quant_parameters(context_, {.codes = 0, .scale = scale, .zero_point = zero_point});
  if (!parameters) return parameters.status();
  const DType dtype = parameters->dtype.value_or(otherwise);
  if (dtype != DType::u8 && dtype != DType::s8)
    return context_.error(fmt::format("the output's zero point is {}: must be u8 or s8", name_of(dtype)));
  if (Status status = context_.emit(Op::Quantize, {real}, QuantizeAttrs{}); !status) return status;
  Value& codes = context_.graph[context_.outputs[0]];
  codes.dtype = dtype;
  codes.quant = std::move(parameters->quant);
  context_.graph.nodes.back().name = context_.name + "/quantize";
  return {};
}

}  // namespace octet::graph
