// SPDX-License-Identifier: Apache-2.0
// Which operators a rule speaks of.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "graph/quantize/qconfig.h"

namespace octet::graph {
namespace {

// '*' any characters, '?' one; everything else is itself, brackets included, which exporters put in names.
// Goes back to the last star only, so the time is at most the product of the lengths.
bool matches(std::string_view pattern, std::string_view text) {
  constexpr std::size_t kNoStar = std::string_view::npos;
  std::size_t p = 0, t = 0, star = kNoStar, after_star = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      after_star = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != kNoStar) {
      p = star + 1;
      t = ++after_star;
    } else {
      return false;
    }
  }
  return std::all_of(pattern.begin() + static_cast<std::ptrdiff_t>(p), pattern.end(), [](char c) { return c == '*'; });
}

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

constexpr const char* kOps[] = {
#define OCTET_OP(Name, stem, runs) #Name,
#include "graph/ops.def"
#undef OCTET_OP
};

// Binary and Unary are many operators to a user.
struct BinaryName {
  BinaryFn fn;
  const char* name;
};
struct UnaryName {
  UnaryFn fn;
  const char* name;
};
constexpr BinaryName kBinary[] = {
    {BinaryFn::add, "add"}, {BinaryFn::sub, "sub"}, {BinaryFn::mul, "mul"}, {BinaryFn::div, "div"},
    {BinaryFn::pow, "pow"}, {BinaryFn::min, "min"}, {BinaryFn::max, "max"},
};
constexpr UnaryName kUnary[] = {
    {UnaryFn::relu, "relu"},
    {UnaryFn::clip, "clip"},
    {UnaryFn::leaky_relu, "leaky_relu"},
    {UnaryFn::elu, "elu"},
    {UnaryFn::sigmoid, "sigmoid"},
    {UnaryFn::hard_sigmoid, "hard_sigmoid"},
    {UnaryFn::hard_swish, "hard_swish"},
    {UnaryFn::silu, "silu"},
    {UnaryFn::tanh, "tanh"},
    {UnaryFn::gelu_erf, "gelu"},
    {UnaryFn::gelu_tanh, "gelu"},
    {UnaryFn::erf, "erf"},
    {UnaryFn::exp, "exp"},
    {UnaryFn::log, "log"},
    {UnaryFn::sqrt, "sqrt"},
    {UnaryFn::reciprocal, "reciprocal"},
    {UnaryFn::neg, "neg"},
    {UnaryFn::abs, "abs"},
    {UnaryFn::floor, "floor"},
    {UnaryFn::ceil, "ceil"},
    {UnaryFn::softplus, "softplus"},
};

bool has_type(const Node& node, std::string_view type) {
  if (equal_ignoring_case(name_of(node.op), type)) return true;
  const auto own = [&](const auto& entry, auto fn) { return entry.fn == fn && equal_ignoring_case(entry.name, type); };
  if (node.op == Op::Binary) {
    const BinaryFn fn = node.as<BinaryAttrs>().fn;
    return std::ranges::any_of(kBinary, [&](const BinaryName& entry) { return own(entry, fn); });
  }
  if (node.op == Op::Unary) {
    const UnaryFn fn = node.as<UnaryAttrs>().fn;
    return std::ranges::any_of(kUnary, [&](const UnaryName& entry) { return own(entry, fn); });
  }
  return false;
}

bool is_type(std::string_view type) {
  const auto is = [type](const char* name) { return equal_ignoring_case(name, type); };
  return std::ranges::any_of(kOps, is) || std::ranges::any_of(kBinary, is, &BinaryName::name) ||
         std::ranges::any_of(kUnary, is, &UnaryName::name);
}

bool speaks_of(const QConfigRule& rule, const Node& node) {
  return (rule.op_type.empty() || has_type(node, rule.op_type)) && (rule.name.empty() || matches(rule.name, node.name));
}

}  // namespace

OpConfig config_of(const QConfig& config, const Node& node) {
  OpConfig own{false, config.observer, config.activation, config.weight, config.weight_observer};
  for (const QConfigRule& rule : config.rules) {
    if (!speaks_of(rule, node)) continue;
    own.keep_float = rule.keep_float.value_or(own.keep_float);
    own.observer = rule.observer.value_or(own.observer);
    own.activation = rule.activation.value_or(own.activation);
    own.weight = rule.weight.value_or(own.weight);
    own.weight_observer = rule.weight_observer.value_or(own.weight_observer);
  }
  return own;
}

Status check_config(const QConfig& config, const Graph& graph) {
  if (Status status = check_config(config); !status.ok()) return status;
  for (std::size_t i = 0; i < config.rules.size(); ++i) {
    const QConfigRule& rule = config.rules[i];
    if (!rule.op_type.empty() && !is_type(rule.op_type)) {
      std::string known;
      for (const char* name : kOps) known += fmt::format("{}{}", known.empty() ? "" : ", ", name);
      return Status::error(fmt::format("rule {}: op type '{}': must be one of {} or a function such as add or sigmoid",
                                       i + 1, rule.op_type, known));
    }
    const auto own = [&](const Node& node) { return matches(rule.name, node.name); };
    if (!rule.name.empty() && std::ranges::none_of(graph.nodes, own)) {
      return Status::error(
          fmt::format("rule {}: no node is called '{}': `octet inspect` prints the names", i + 1, rule.name));
    }
  }
  return {};
}

}  // namespace octet::graph
