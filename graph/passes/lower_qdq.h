// SPDX-License-Identifier: Apache-2.0
// The three steps of lower_qdq, and what they call things: "codes" are 8-bit values with one scale and
// zero point, a border is a Quantize or Dequantize node.
#pragma once

#include "graph/passes/editor.h"

namespace octet::graph {

inline bool is_8bit(const Value& value) {
  return (value.dtype == DType::u8 || value.dtype == DType::s8) && value.is_quantized();
}
inline bool are_codes(const Value& value) { return is_8bit(value) && value.quant.per_tensor(); }

// What the Dequantize that makes `real` reads; kNone if something else makes it.
inline ValueId codes_behind(const Editor& editor, ValueId real) {
  const NodeId dequantize = editor.producer(real, Op::Dequantize);
  return dequantize == kNone ? kNone : editor.node(dequantize).inputs[0];
}

// Nodes that carry elements from place to place, or pick some of them, without computing new ones.
// They do the same to codes as to the numbers behind the codes. Their data is input 0.
bool moves_elements(const Node& node);

// lower_qdq_borders.cpp: borders that say the same thing twice become one; constants are quantized
// now; parameters are known on both sides of a data movement.
void tidy_borders(Editor& editor);
// A Quantize right behind a Dequantize: nothing, or a Requantize.
void cancel_borders(Editor& editor);
// Borders that stay: constants are dequantized now, a Relu or Clip goes into the Quantize behind it.
void settle_borders(Editor& editor);

// lower_qdq_moves.cpp: Dequantize sinks, and Quantize rises, through data movement.
void sink_dequantize(Editor& editor);
void raise_quantize(Editor& editor);

// lower_qdq_ops.cpp: Dequantize -> op -> Quantize becomes an int8 op, or gets its reason.
void lower_ops(Editor& editor);

}  // namespace octet::graph
