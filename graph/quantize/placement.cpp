// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/placement.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graph/quantize/qparams.h"

namespace octet::graph {
namespace {

bool is_plain_float(const Value& value) { return value.dtype == DType::f32 && !value.is_quantized(); }

bool all_finite(const Value& constant) {
  const auto elements = constant.as<float>();
  return std::all_of(elements.begin(), elements.end(), [](float x) { return std::isfinite(x); });
}

bool has_runtime_weights(const Graph& graph, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.has_input(i) && !graph.input(node, i).is_constant()) return true;
  }
  return false;
}

// Its slope has no bound near 0, and every range of codes holds 0.
bool is_steep(const Node& node) {
  if (node.op != Op::Unary) return false;
  const UnaryFn fn = node.as<UnaryAttrs>().fn;
  return fn == UnaryFn::log || fn == UnaryFn::sqrt || fn == UnaryFn::reciprocal;
}

// What the operator could be by itself, its neighbours left aside. `reason` is set for stays_float.
Role role_by_op(const Graph& graph, const Node& node, std::string& reason) {
  switch (node.op) {
    case Op::Conv2d:
    case Op::ConvTranspose2d:
    case Op::Dense:
      if (!has_runtime_weights(graph, node)) return Role::computes;
      reason = "its weights are computed at run time";
      return Role::stays_float;
    case Op::Binary: {
      const BinaryFn fn = node.as<BinaryAttrs>().fn;
      if (fn == BinaryFn::add || fn == BinaryFn::sub || fn == BinaryFn::mul) return Role::computes;
      reason = "only add, sub and mul have an int8 form";
      return Role::stays_float;
    }
    case Op::Unary:
      if (!is_steep(node)) return Role::computes;
      reason = "too steep near 0 for an input of 256 codes";
      return Role::stays_float;
    case Op::Resize:
      return node.as<ResizeAttrs>().mode == ResizeAttrs::Mode::nearest ? Role::moves : Role::computes;
    case Op::Pool:
      return node.as<PoolAttrs>().kind == PoolKind::max ? Role::moves : Role::computes;
    case Op::Pad:
      return node.as<PadAttrs>().value == 0 ? Role::moves : Role::computes;  // 0 has a code everywhere
    case Op::MatMul:
    case Op::ReduceMean:
    case Op::Softmax:
    case Op::Concat:
      return Role::computes;
    case Op::Reshape:
    case Op::Transpose:
    case Op::Slice:
    case Op::Split:
    case Op::Gather:
    case Op::Tile:
      return Role::moves;
    case Op::Reduce:
    case Op::ArgMax:
    case Op::Compare:
    case Op::Where:
    case Op::LayerNorm:
    case Op::DynamicQuantize:
    case Op::DynamicDense:
    case Op::DynamicConv2d:
    case Op::Fill:
    case Op::Quantize:
    case Op::Dequantize:
    case Op::Requantize:
    case Op::Cast:
    case Op::Shape:
    case Op::BatchNorm:
      break;
  }
  reason = fmt::format("{} has no int8 form", name_of(node.op));
  return Role::stays_float;
}

// The same with a look at what flows in and out.
Role role_alone(const Graph& graph, const Node& node, std::string& reason) {
  const Role role = role_by_op(graph, node, reason);
  if (role == Role::stays_float) return role;
  for (std::size_t index : activation_inputs(node)) {
    if (!node.has_input(index)) {  // import refuses this; a graph built by hand may have it
      reason = fmt::format("input {} is missing", index);
      break;
    }
    const Value& input = graph.input(node, index);
    if (!is_plain_float(input)) {
      reason = fmt::format("works on {} values", name_of(input.dtype));
    } else if (input.is_constant() && role == Role::moves) {
      reason = "moves a constant";
    } else if (input.is_constant() && !all_finite(input)) {
      reason = fmt::format("constant '{}' is not finite", input.name);
    }
  }
  for (ValueId output : node.outputs) {
    if (output != kNone && !is_plain_float(graph[output])) {
      reason = fmt::format("makes {} values", name_of(graph[output].dtype));
    }
  }
  return reason.empty() ? role : Role::stays_float;
}

// A move is worth doing on codes if codes arrive there or are wanted behind it; between float
// operators it would only cost a Quantize and a Dequantize.
void keep_idle_moves_float(const Graph& graph, Placement& placement) {
  std::vector<char> arrives(graph.values.size()), wanted(graph.values.size());  // (values) as codes
  const auto at = [](std::vector<char>& flags, ValueId id) -> char& { return flags[static_cast<std::size_t>(id)]; };
  const auto any_wanted = [&](const Node& node) {
    return std::any_of(node.outputs.begin(), node.outputs.end(),
                       [&](ValueId output) { return output != kNone && at(wanted, output) != 0; });
  };
  for (std::size_t n = graph.nodes.size(); n-- > 0;) {
    const Node& node = graph.nodes[n];
    const Role role = placement.roles[n];
    if (role == Role::stays_float || (role == Role::moves && !any_wanted(node))) continue;
    for (std::size_t index : activation_inputs(node)) at(wanted, node.inputs[index]) = 1;
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (placement.roles[n] == Role::moves && at(arrives, node.inputs[0]) == 0 && !any_wanted(node)) {
      placement.roles[n] = Role::stays_float;
      placement.reasons[n] = "no int8 operator beside it";
    }
    if (placement.roles[n] == Role::stays_float) continue;
    for (ValueId output : node.outputs) {
      if (output != kNone) at(arrives, output) = 1;
    }
  }
}

// A steep function whose input is codes and whose result becomes codes at once loses nothing by being a
// table; only a float neighbour is worth a float function. Files in QDQ form cannot tell the two apart.
void make_tables_of_steep_functions(const Graph& graph, const Uses& uses,
                                    const std::map<std::size_t, std::string>& kept_float, Placement& placement) {
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (placement.roles[n] != Role::stays_float || kept_float.contains(n)) continue;
    if (!is_steep(node) || graph.is_output(node.outputs[0])) continue;
    const auto is_int8 = [&](std::int32_t other) {
      return other >= 0 && placement.roles[static_cast<std::size_t>(other)] != Role::stays_float;
    };
    const auto& readers = uses.consumers[static_cast<std::size_t>(node.outputs[0])];
    if (!is_int8(uses.producer[static_cast<std::size_t>(node.inputs[0])]) || readers.empty() ||
        !std::all_of(readers.begin(), readers.end(), is_int8)) {
      continue;
    }
    placement.roles[n] = Role::computes;
    placement.reasons[n].clear();
  }
}

// A tensor that only a Concat reads takes the Concat's parameters right away: its codes are then
// copied, and rounded once instead of twice. Looks through moves.
void share_with_concat(const Graph& graph, const Uses& uses, const Node& concat, Placement& placement) {
  for (ValueId input : concat.inputs) {
    ValueId value = input;
    while (true) {
      if (graph[value].is_constant() || graph.is_output(value) || !uses.only_one(value)) break;
      const std::int32_t maker = uses.producer[static_cast<std::size_t>(value)];
      if (maker < 0) {
        placement.source[static_cast<std::size_t>(value)] = concat.outputs[0];
        break;
      }
      const auto n = static_cast<std::size_t>(maker);
      const Node& node = graph.nodes[n];
      if (placement.roles[n] == Role::moves && node.outputs.size() == 1) {
        value = node.inputs[0];
        continue;
      }
      const bool free = placement.roles[n] == Role::stays_float ||
                        (placement.roles[n] == Role::computes && known_output_qparams(node, {}).scale.empty());
      if (free) placement.source[static_cast<std::size_t>(value)] = concat.outputs[0];
      break;
    }
  }
}

}  // namespace

ValueId Placement::source_of(ValueId value) const {
  while (source[static_cast<std::size_t>(value)] != value) value = source[static_cast<std::size_t>(value)];
  return value;
}

std::vector<std::size_t> activation_inputs(const Node& node) {
  if (node.op == Op::Concat) {
    std::vector<std::size_t> all(node.inputs.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    return all;
  }
  if (node.op == Op::MatMul || node.op == Op::Binary) return {0, 1};
  return {0};
}

Quant known_output_qparams(const Node& node, const QuantSpec& spec) {
  if (node.op == Op::Softmax) return fixed_qparams(0, 1, spec);
  if (node.op != Op::Unary) return {};
  switch (node.as<UnaryAttrs>().fn) {
    case UnaryFn::sigmoid:
    case UnaryFn::hard_sigmoid:
      return fixed_qparams(0, 1, spec);
    case UnaryFn::tanh:
      return fixed_qparams(-1, 1, spec);
    default:
      return {};
  }
}

Placement place(const Graph& graph, const std::map<std::size_t, std::string>& kept_float) {
  Placement placement;
  placement.roles.resize(graph.nodes.size());
  placement.reasons.resize(graph.nodes.size());
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const auto kept = kept_float.find(n);
    if (kept != kept_float.end()) {
      placement.roles[n] = Role::stays_float;
      placement.reasons[n] = kept->second;
    } else {
      placement.roles[n] = role_alone(graph, graph.nodes[n], placement.reasons[n]);
    }
  }
  const Uses uses(graph);
  keep_idle_moves_float(graph, placement);
  make_tables_of_steep_functions(graph, uses, kept_float, placement);

  for (std::size_t v = 0; v < graph.values.size(); ++v) placement.source.push_back(static_cast<ValueId>(v));
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    const Node& node = graph.nodes[n];
    if (placement.roles[n] == Role::moves) {
      for (ValueId output : node.outputs) {
        if (output != kNone) placement.source[static_cast<std::size_t>(output)] = node.inputs[0];
      }
    } else if (placement.roles[n] == Role::computes && node.op == Op::Concat) {
      share_with_concat(graph, uses, node, placement);
    }
  }
  return placement;
}

}  // namespace octet::graph
