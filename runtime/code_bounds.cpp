// SPDX-License-Identifier: Apache-2.0
#include "runtime/code_bounds.h"

#include <algorithm>

#include "graph/passes/clamp_of.h"
#include "kernels/requantize.h"

namespace octet::runtime {
namespace {

using graph::Graph;
using graph::Node;
using graph::Op;
using graph::Value;

const graph::Clamp* bound_of(const Node& node) {
  if (node.op == Op::Quantize) return &node.as<graph::QuantizeAttrs>().clamp;
  return graph::clamp_of(node);
}

// Only moves codes, or picks some of them.
bool keeps_codes(const Node& node) {
  switch (node.op) {
    case Op::Reshape:
    case Op::Transpose:
    case Op::Slice:
    case Op::Split:
    case Op::Pad: return true;
    case Op::Pool: return node.as<graph::PoolAttrs>().kind == graph::PoolKind::max;
    default: return false;
  }
}

}  // namespace

std::vector<int> largest_codes(const Graph& graph) {
  std::vector<int> largest(graph.values.size(), 255);
  for (const Node& node : graph.nodes) {
    for (graph::ValueId id : node.outputs) {
      const Value& out = graph[id];
      if (out.dtype != DType::u8 || !out.quant.per_tensor() || !out.is_quantized()) continue;
      int code = 255;
      if (const graph::Clamp* clamp = bound_of(node)) {
        code = kernels::code_range(out.dtype, out.quant.scale[0], out.quant.zero_point[0], *clamp).max;
      } else if (keeps_codes(node) && graph.input(node, 0).quant == out.quant) {
        code = largest[static_cast<std::size_t>(node.inputs[0])];
      }
      // Padding adds the zero point, whatever the clamp says.
      largest[static_cast<std::size_t>(id)] = std::max(code, out.quant.zero_point[0]);
    }
  }
  return largest;
}

}  // namespace octet::runtime
