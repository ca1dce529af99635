// SPDX-License-Identifier: Apache-2.0
// What most ops' shape inference shares: activations are floats, or 8-bit codes with their parameters.
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include "graph/graph.h"

namespace octet::graph {

// Error unless the inputs' number is in [least, most] and the first `least` are present.
Status expect_inputs(const Node& node, std::size_t least, std::size_t most);

// Error unless input `index` is f32, or u8 or s8 with quantization parameters.
Status expect_activation(const Graph& graph, const Node& node, std::size_t index);

// Gives an output its shape; it is f32 unless a pass has made it a quantized value already.
void set_activation(Graph& graph, const Node& node, const Shape& shape, std::size_t index = 0);
// The same where not even the rank is known yet.
void set_unknown_activation(Graph& graph, const Node& node, std::size_t index = 0);

// True if two sizes may be equal: an unknown one may be anything.
constexpr bool may_equal(std::int64_t a, std::int64_t b) { return a == b || a < 0 || b < 0; }
// The known one of two sizes that may be equal.
constexpr std::int64_t known_of(std::int64_t a, std::int64_t b) { return a < 0 ? b : a; }

// Error unless input `index` is a vector of `size` floats, or of s32 codes with their scale (an unknown
// size passes).
Status expect_vector(const Graph& graph, const Node& node, std::size_t index, std::int64_t size, const char* what);

}  // namespace octet::graph
