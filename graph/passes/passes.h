// SPDX-License-Identifier: Apache-2.0
// Graph rewrites, one file each, with a before/after picture on top. THE ORDER stands in passes.cpp.
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include <map>
#include <string>

#include "graph/graph.h"

namespace octet::graph {

// ---- at load: the canonical graph, still NCHW and with symbolic sizes -------------------------
Status fold_constants(Graph& graph);        // nodes whose inputs are all constant become constants
Status remove_dead(Graph& graph);           // nodes and values that no output needs
Status lower_matmul(Graph& graph);          // MatMul with a constant matrix -> Dense, (+ constant Add -> bias)
Status fold_batch_norm(Graph& graph);       // into Conv2d, ConvTranspose2d, Dense; else Mul and Add
Status fuse_activations(Graph& graph);      // Relu, Clip -> clamp of the op before; HardSwish and SiLU patterns
Status fuse_dynamic(Graph& graph);          // scales and bias behind a dynamic product -> its operands
Status lower_qdq(Graph& graph);             // Dequantize -> op -> Quantize becomes one int8 op

// All of the above in order: what Model::load does after import.
Status simplify(Graph& graph);

// ---- at Session::create: sizes bound, NHWC, one signedness ------------------------------------
struct BindOptions {
  std::map<std::string, Shape> input_shapes;  // by input name; unknown sizes elsewhere become 1
  DType activation = DType::u8;               // the signedness that the backend wants
};
Status bind_shapes(Graph& graph, const std::map<std::string, Shape>& input_shapes);
Status use_channels_last(Graph& graph);     // NHWC around every spatial op, transposes cancelled
Status relabel_codes(Graph& graph, DType activation);  // u8 <-> s8, exact; converts only at inputs/outputs
void relabel_dynamic_codes(Graph& graph, DType activation);  // the same for codes of computed parameters
Status fuse_residual(Graph& graph);         // int8 Conv2d -> int8 Add becomes one node

Status lower(Graph& graph, const BindOptions& options);  // all of these in order

}  // namespace octet::graph
