// SPDX-License-Identifier: Apache-2.0
// From a float graph and what its values were seen to span, to an int8 graph:
//
//   x(f32) -> Conv2d -> y(f32)          x(f32) -> Quantize -> x_quantized(u8) -> Conv2d -> y_quantized(u8)
//            w, b: f32           ==>                                 w: s8, b: s32
//                                       y_quantized -> Dequantize -> y(f32)
//
// Quantize and Dequantize stand only at the borders between int8 and float operators and at float
// inputs and outputs of the model, whose names and types never change.
#pragma once

#include <octet/quantize.h>
#include <octet/status.h>

#include <span>
#include <vector>

#include "graph/graph.h"
#include "graph/quantize/qparams.h"

namespace octet::graph {

// A value (never a constant) whose range convert() needs, and what its operator's configuration says of it: the
// operator that computes it, or for an input of the model the first that reads it.
struct Wanted {
  ValueId value;
  ObserverSpec observer;
  QuantSpec codes;
};

// In graph order. Empty: no operator of this graph can be computed in int8.
std::vector<Wanted> values_to_observe(const Graph& fp32, const QConfig& config);

// `ranges` (values): what was observed; only values_to_observe() are read. Values without a range
// are an error that names them, never a default scale. An operator that int8 cannot carry (its
// accumulator could overflow ...) stays float with the reason in Node::reason.
Result<Graph> convert(const Graph& fp32, std::span<const Range> ranges, const QConfig& config);

// True if any value of the graph is quantized already.
bool is_quantized(const Graph& graph);

}  // namespace octet::graph
