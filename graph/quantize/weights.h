// SPDX-License-Identifier: Apache-2.0
// The constants of Conv2d, ConvTranspose2d and Dense as codes.
#pragma once

#include <octet/quantize.h>
#include <octet/status.h>

#include <optional>

#include "graph/graph.h"

namespace octet::graph {

struct QuantizedWeights {
  Value weight;               // s8 or u8, the float weight's shape, Quant per tensor or per output channel
  std::optional<Value> bias;  // s32 (out), Quant with scale f32(sx*sw[c]); names are left to the caller
};

// Symmetric specs of rule `exact` under min_max: sw[c] = max(max|w| / quant_max, |b| / (sx * 2^30)), 1 if both
// are 0; the largest weight is exact and no bias overflows. Others: choose_qparams of the range that the
// observer finds in the weights of each scale. Bias: rne(b / (sx*sw[c])) in double.
// A ConvTranspose2d with groups has one scale whatever the spec says: an axis of its weight runs
// through all groups, so that entry i would belong to several output channels.
// `input` is the per-tensor Quant of the node's input 0, `input_dtype` its codes. Refused with a
// reason (no node name in it): weights that are not finite, and a channel whose accumulator
// |bias| + sum|w| * max|x - zx| could reach 2^31.
Result<QuantizedWeights> quantize_weights(const Graph& graph, const Node& node, const Quant& input, DType input_dtype,
                                          const QuantSpec& spec, const ObserverSpec& observer = {});

}  // namespace octet::graph
