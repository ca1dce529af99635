// SPDX-License-Identifier: Apache-2.0
// THE ORDER of passes.
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

using Pass = Status (*)(Graph&);

template <std::size_t N>
Status run(Graph& graph, const Pass (&passes)[N]) {
  for (Pass pass : passes) {
    if (Status status = pass(graph); !status) return status;
  }
  return {};
}

}  // namespace

Status simplify(Graph& graph) {
  static constexpr Pass kOrder[] = {
      fold_constants,    // infers shapes on its way
      remove_dead,       // so that "one reader" means a reader that matters
      lower_matmul,      // gives BatchNorm a Dense to fold into
      fold_batch_norm,   // before clamps: what is clamped cannot be scaled any more
      fuse_activations,  // leaves Dequantize -> op -> Quantize without a Relu between them
      fuse_dynamic,      // takes the Relu that is by now part of the sum with the bias
      lower_qdq,
      fold_constants,  // shapes again, and what the passes left constant
      remove_dead,
  };
  return run(graph, kOrder);
}

Status lower(Graph& graph, const BindOptions& options) {
  if (Status status = bind_shapes(graph, options.input_shapes); !status) return status;
  if (Status status = use_channels_last(graph); !status) return status;
  if (Status status = relabel_codes(graph, options.activation); !status) return status;
  relabel_dynamic_codes(graph, options.activation);
  static constexpr Pass kOrder[] = {
      fuse_residual,  // after relabelling: both operands have one type now
      remove_dead,
  };
  return run(graph, kOrder);
}

}  // namespace octet::graph
