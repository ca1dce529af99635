// SPDX-License-Identifier: Apache-2.0
// What the writers of single ops in this folder share: names, initializers, and the
// DequantizeLinear / QuantizeLinear nodes around an op on codes.
#pragma once

#include <octet/status.h>
#include <onnx/onnx_pb.h>

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

class OnnxWriter {
 public:
  OnnxWriter(const Graph& graph, onnx::GraphProto& out);

  const Graph& graph;

  // The ONNX name of a value: its own, made unique. A constant becomes an initializer on first use.
  std::string stored(ValueId id);
  std::string stored_input(const Node& node, std::size_t index);  // "" where absent
  // The same as floats: codes get a DequantizeLinear of their own for every reader, as the pattern
  // matchers of other runtimes like it.
  std::string real_input(const Node& node, std::size_t index);
  std::vector<std::string> real_inputs(const Node& node);

  // The op that makes the outputs of `node`, followed by the clamp as Relu or Clip and, for codes, by
  // QuantizeLinear. The reference stays valid: add attributes to it.
  onnx::NodeProto& finish(const Node& node, const char* op_type, const std::vector<std::string>& inputs,
                          const Clamp& clamp = {});
  // Op::Quantize, Dequantize and Requantize: codes to floats, the clamp, floats to codes, as far as
  // the node's input and output are codes.
  void convert(const Node& node, const Clamp& clamp);
  // An op in between, with one new value, whose name is returned.
  std::string step(const Node& node, const char* op_type, const std::vector<std::string>& inputs);
  onnx::NodeProto& last_step() { return *last_step_; }

  // Initializers made on the way.
  std::string constant(const Value& value);
  std::string float_scalar(std::string_view base, float value);
  std::string integers(std::string_view base, std::span<const std::int64_t> values);

  // Appends DequantizeLinear(codes) -> floats with the parameters of `like`.
  std::string dequantize(const std::string& codes, ValueId like, const Quant& quant);

 private:
  std::string unique(std::string_view wanted);
  onnx::NodeProto& add(const char* op_type, const std::string& name, const std::vector<std::string>& inputs,
                       const std::vector<std::string>& outputs);
  void add_clamp(const Clamp& clamp, const std::string& from, const std::string& to);
  void add_conversion(const char* op_type, const std::string& from, const std::string& to, DType codes,
                      const Quant& quant);

  onnx::GraphProto& out_;
  onnx::NodeProto* last_step_ = nullptr;
  std::vector<std::string> names_;  // (values)
  std::set<ValueId> written_constants_;
  std::set<std::string, std::less<>> taken_, taken_by_nodes_;              // ONNX keeps the two apart
  std::map<std::string, std::pair<std::string, std::string>> parameters_;  // by value: scale, zero point
};

void set_attribute(onnx::NodeProto& node, const char* name, std::int64_t value);
void set_attribute(onnx::NodeProto& node, const char* name, float value);
void set_attribute(onnx::NodeProto& node, const char* name, const char* value);
void set_attribute(onnx::NodeProto& node, const char* name, std::span<const std::int64_t> values);

// kernel_shape, strides, and pads or auto_pad.
void set_window(onnx::NodeProto& node, const Window& window);

int onnx_type(DType type);

// One writer per op of graph/ops.def: a new op does not link before it says how it is exported.
#define OCTET_OP(Name, stem, runs) Status write_##stem(OnnxWriter&, const Node&);
#include "graph/ops.def"
#undef OCTET_OP

}  // namespace octet::graph
