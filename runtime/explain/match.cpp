// SPDX-License-Identifier: Apache-2.0
#include "runtime/explain/match.h"

#include <algorithm>
#include <map>
#include <string>

namespace octet::runtime {
namespace {

using graph::Graph;
using graph::kNone;
using graph::Node;
using graph::Op;
using graph::ValueId;

bool is_conversion(const Node& node) {
  return node.op == Op::Quantize || node.op == Op::Dequantize || node.op == Op::Requantize;
}

// The name that a value had before its codes got one of their own.
std::string stem(const std::string& name) {
  constexpr std::string_view kSuffix = "_quantized";
  return name.ends_with(kSuffix) ? name.substr(0, name.size() - kSuffix.size()) : name;
}

std::vector<std::int32_t> computing(const Graph& graph) {
  std::vector<std::int32_t> nodes;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!is_conversion(node) && node.op != Op::Reshape && node.op != Op::Transpose)
      nodes.push_back(static_cast<std::int32_t>(i));
  }
  return nodes;
}

}  // namespace

std::vector<Match> match(const Graph& int8, const Graph& fp32) {
  std::map<std::string, std::int32_t> nodes;
  std::map<std::string, ValueId> values;
  std::map<ValueId, std::int32_t> producers;
  for (std::size_t i = 0; i < fp32.nodes.size(); ++i) {
    nodes[fp32.nodes[i].name] = static_cast<std::int32_t>(i);
    for (ValueId id : fp32.nodes[i].outputs) {
      if (id == kNone) continue;
      values[fp32[id].name] = id;
      producers[id] = static_cast<std::int32_t>(i);
    }
  }
  for (ValueId id : fp32.inputs) values[fp32[id].name] = id;

  std::vector<Match> matches(int8.nodes.size());
  const auto take = [&](Match& found, const Node& node, std::int32_t other) {
    if (other < 0 || fp32.nodes[static_cast<std::size_t>(other)].op != node.op) return;
    found = {other, fp32.nodes[static_cast<std::size_t>(other)].outputs[0]};
  };
  for (std::size_t i = 0; i < int8.nodes.size(); ++i) {
    const Node& node = int8.nodes[i];
    if (is_conversion(node)) continue;
    if (const auto named = nodes.find(node.name); named != nodes.end()) take(matches[i], node, named->second);
    if (matches[i].node >= 0) continue;
    const auto value = values.find(stem(int8.output(node).name));
    if (value == values.end()) continue;
    matches[i].value = value->second;
    const auto producer = producers.find(value->second);
    if (producer != producers.end()) take(matches[i], node, producer->second);
  }

  const std::vector<std::int32_t> mine = computing(int8), theirs = computing(fp32);
  const bool same = std::ranges::equal(
      mine, theirs, {}, [&](std::int32_t i) { return int8.nodes[static_cast<std::size_t>(i)].op; },
      [&](std::int32_t i) { return fp32.nodes[static_cast<std::size_t>(i)].op; });
  for (std::size_t k = 0; same && k < mine.size(); ++k) {
    Match& found = matches[static_cast<std::size_t>(mine[k])];
    if (found.node < 0) take(found, int8.nodes[static_cast<std::size_t>(mine[k])], theirs[k]);
  }

  // A conversion stands for the value that it converts.
  std::map<ValueId, ValueId> counterpart;
  for (std::size_t i = 0; i < int8.inputs.size() && int8.inputs.size() == fp32.inputs.size(); ++i) {
    counterpart[int8.inputs[i]] = fp32.inputs[i];
  }
  for (std::size_t i = 0; i < int8.nodes.size(); ++i) {
    const Node& node = int8.nodes[i];
    if (is_conversion(node)) {
      const auto known = counterpart.find(node.inputs[0]);
      if (known != counterpart.end()) matches[i].value = known->second;
    }
    if (matches[i].value != kNone) counterpart[node.outputs[0]] = matches[i].value;
  }
  return matches;
}

}  // namespace octet::runtime
