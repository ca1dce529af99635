// SPDX-License-Identifier: Apache-2.0
// Scale and zero point of QuantizeLinear and DequantizeLinear: from ONNX inputs to a Quant.
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include <optional>

#include "graph/graph.h"
#include "graph/import/onnx_node.h"

namespace octet::graph {

struct QuantParameters {
  Quant quant;
  std::optional<DType> dtype;  // that of the zero point; nothing where there is none
};

// Inputs 1 (scale) and 2 (zero point, may be absent) must be constants, of one element or one per
// index of `axis`. A negative axis counts from the end of input 0, whose rank must then be known.
Result<QuantParameters> read_quant_parameters(const ImportContext& context);

// Error unless `quant` fits a tensor of this shape: its axis exists and has as many entries as scales.
Status check_quant(const Node& node, const Shape& shape, const Quant& quant);

}  // namespace octet::graph
