// SPDX-License-Identifier: Apache-2.0
// A canonical graph (NCHW, as Model::load leaves it) as an ONNX file of opset 13. int8 operators
// take the QDQ form that other runtimes read and fuse again:
//
//   Conv2d on codes  ==>  x -> DequantizeLinear -+
//                         w -> DequantizeLinear -+-> Conv (-> Relu | Clip) -> QuantizeLinear -> y
//                         b -> DequantizeLinear -+
//
// Scales are written as they are, so reading the file back gives the same int8 graph.
#pragma once

#include <octet/status.h>

#include <string>

#include "graph/graph.h"

namespace octet::graph {

// The file's bytes. Refused: graphs that were lowered for a session already, and the few attributes
// that opset 13 cannot express.
Result<std::string> export_onnx(const Graph& graph);

}  // namespace octet::graph
