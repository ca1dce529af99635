// SPDX-License-Identifier: Apache-2.0
// Scale and zero point of QuantizeLinear and DequantizeLinear: from ONNX inputs to a Quant.
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include <optional>
#include <string>

#include "graph/graph.h"
#include "graph/import/onnx_node.h"

namespace octet::graph {

struct QuantParameters {
  Quant quant;
  std::optional<DType> dtype;  // that of the zero point; nothing where there is none
};

// Which inputs of a node say what the codes of input `codes` mean; a per-axis scale belongs to `axis`.
struct QuantInputs {
  std::size_t codes = 0, scale = 1, zero_point = 2;
  std::int64_t axis = 1;
};

// The scale and the zero point, which may be absent, must be constants, of one element or one per index of the
// axis. A negative axis counts from the end of the codes' shape, whose rank must then be known.
Result<QuantParameters> read_quant_parameters(const ImportContext& context, const QuantInputs& inputs);
// Those of QuantizeLinear and DequantizeLinear.
Result<QuantParameters> read_quant_parameters(const ImportContext& context);

// A value with the elements of `codes` and these parameters: `codes` itself where it has none yet, or the same ones.
// In octet parameters belong to the value, so codes that are read with two meanings become two values that share
// their elements; `name` names the second one.
ValueId with_parameters(ImportContext& context, ValueId codes, const Quant& quant, std::string name);

// Error unless `quant` fits a tensor of this shape: its axis exists and has as many entries as scales.
Status check_quant(const Node& node, const Shape& shape, const Quant& quant);

}  // namespace octet::graph
