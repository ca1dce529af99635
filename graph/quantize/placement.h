// SPDX-License-Identifier: Apache-2.0
// Decides, before anything is rewritten, what each node of a float graph becomes and which tensors
// must agree on their parameters.
#pragma once

#include <octet/quantize.h>

#include <map>
#include <string>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

enum class Role : std::uint8_t {
  stays_float,
  computes,  // on codes; its output has parameters of its own
  moves      // codes from place to place; its outputs keep the parameters of its input
};

struct Placement {
  std::vector<Role> roles;           // (nodes)
  std::vector<std::string> reasons;  // (nodes) why it stays float; empty for the others
  // (values) whose parameters this value uses: itself, the value that was moved to make it, or the
  // Concat output that alone uses it. Follow until a value names itself.
  std::vector<ValueId> source;

  ValueId source_of(ValueId value) const;
};

// `kept_float`: nodes (by index) that must stay float, with the reason.
Placement place(const Graph& graph, const std::map<std::size_t, std::string>& kept_float = {});

// Which inputs of a node carry activations (or a constant in the place of one), not weights, bias,
// shapes or indices.
std::vector<std::size_t> activation_inputs(const Node& node);

// The parameters of an output whose range is known without looking: softmax and sigmoids [0,1),
// tanh [-1,1). Empty scale for every other node.
Quant known_output_qparams(const Node& node, const QuantSpec& spec);

}  // namespace octet::graph
