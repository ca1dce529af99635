// SPDX-License-Identifier: Apache-2.0
// A QDQ file writes an int8 op as a float op between Dequantize and Quantize nodes. This pass finds
// the op that is meant; borders remain only where float and int8 meet.
//
//   x (codes) -> Dequantize -.
//   w (codes) -> Dequantize - Conv2d -> Quantize -> y (codes)     becomes    x, w, b -> Conv2d -> y
//   b (s32)   -> Dequantize -'                                               (all of them codes)
//
//   x (codes) -> Dequantize -> Reshape -> Quantize -> y (codes)   becomes    x -> Reshape -> y
//   x (codes) -> Dequantize -> Quantize -> y (other parameters)   becomes    x -> Requantize -> y
//   x (codes) -> Dequantize -> LeakyRelu -> y (float)             stays, and the node's reason says why
#include "graph/passes/lower_qdq.h"

#include <algorithm>

#include "graph/passes/passes.h"

namespace octet::graph {

Status lower_qdq(Graph& graph) {
  const bool has_borders = std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) {
    return node.op == Op::Quantize || node.op == Op::Dequantize;
  });
  if (!has_borders) return {};
  {
    Editor editor(graph);
    tidy_borders(editor);
    sink_dequantize(editor);
    if (Status status = editor.finish(); !status) return status;
  }
  {
    Editor editor(graph);  // in order again: the rest walks from producers to consumers and back
    raise_quantize(editor);
    cancel_borders(editor);
    if (Status status = editor.finish(); !status) return status;
  }
  Editor editor(graph);
  lower_ops(editor);
  settle_borders(editor);
  return editor.finish();
}

}  // namespace octet::graph
