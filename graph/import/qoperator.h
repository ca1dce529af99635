// SPDX-License-Identifier: Apache-2.0
// Operators on codes that carry their parameters as inputs (QLinearConv ...) are written as the float operator
// between Dequantize and Quantize, which is how ONNX defines them. From there the pass that lowers QDQ files finds
// the int8 node, so that both kinds of file give the same graph.
//
//   QLinearAdd(a, sa, za, b, sb, zb, sy, zy)   becomes   a -> Dequantize -.
//                                                        b -> Dequantize -- Add -> Quantize -> y
#pragma once

#include <octet/status.h>

#include <string_view>
#include <utility>
#include <vector>

#include "graph/quant_parameters.h"

namespace octet::graph {

class FloatForm {
 public:
  explicit FloatForm(ImportContext& context) : context_(context) {}

  // Input `inputs.codes` as numbers.
  Result<ValueId> real(const QuantInputs& inputs);
  // Codes with these parameters as numbers.
  ValueId real(ValueId codes, const Quant& quant);
  // s32 codes of input `index`, a constant: their scale is scale_x * scale_w[c], as ONNX defines it.
  Result<ValueId> bias(std::size_t index, const Quant& x, const Quant& w, float factor = 1);
  // What the parameters of the codes behind a value from real() are.
  const Quant& quant_of(ValueId real) const;

  // Imports the ONNX op `op_type` with these inputs in place of the node's; what it makes.
  Result<ValueId> float_op(std::string_view op_type, std::vector<ValueId> inputs);
  // `real`, quantized with the parameters in inputs `scale` and `zero_point`, is output 0 of the node. Without a
  // zero point the codes are of type `otherwise`.
  Status finish(ValueId real, std::size_t scale, std::size_t zero_point, DType otherwise);

 private:
  ImportContext& context_;
};

}  // namespace octet::graph
