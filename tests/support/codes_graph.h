// SPDX-License-Identifier: Apache-2.0
// Graphs on codes with given parameters, one operator at a time, ready to run: what recorded and seed cases need.
#pragma once

#include <octet/quantize.h>
#include <octet/session.h>

#include <algorithm>
#include <string>
#include <vector>

#include "graph/op.h"
#include "runtime/model_impl.h"
#include "tests/support/catch.h"

namespace octet::test {

class CodesGraph {
 public:
  graph::Graph graph;

  graph::ValueId input(const std::string& name, const Shape& shape, float scale, int zero_point,
                       DType dtype = DType::u8) {
    graph.inputs.push_back(value(name, shape, dtype, {{scale}, {zero_point}, -1}));
    return graph.inputs.back();
  }
  graph::ValueId real_input(const std::string& name, const Shape& shape) {
    graph.inputs.push_back(value(name, shape, DType::f32, {}));
    return graph.inputs.back();
  }
  // One scale, or one per index of axis 0.
  graph::ValueId weights(const std::string& name, const Shape& shape, const std::vector<std::int8_t>& codes,
                         const std::vector<float>& scales) {
    const graph::ValueId id = graph.add_constant<std::int8_t>(name, DType::s8, shape, codes);
    graph[id].shape_known = true;
    graph[id].quant = {scales, std::vector<std::int32_t>(scales.size(), 0), scales.size() > 1 ? 0 : -1};
    return id;
  }
  graph::ValueId reals(const std::string& name, const Shape& shape, const std::vector<float>& elements) {
    const graph::ValueId id = graph.add_constant<float>(name, DType::f32, shape, elements);
    graph[id].shape_known = true;
    return id;
  }
  // A node whose output, of the same name, has u8 codes of these parameters.
  graph::ValueId node(const std::string& name, graph::Op op, std::vector<graph::ValueId> inputs, graph::Attrs attrs,
                      float scale, int zero_point) {
    const graph::ValueId out = value(name, {}, DType::u8, {{scale}, {zero_point}, -1});
    graph[out].shape_known = false;
    graph.nodes.push_back({name, op, std::move(inputs), {out}, std::move(attrs), {}});
    return out;
  }
  Model finish(std::vector<graph::ValueId> outputs) {
    graph.name = "codes";
    graph.outputs = std::move(outputs);
    return runtime::make_model(graph, nullptr);
  }

 private:
  graph::ValueId value(const std::string& name, const Shape& shape, DType dtype, Quant quant) {
    graph::Value made;
    made.name = name;
    made.dtype = dtype;
    made.shape = shape;
    made.shape_known = true;
    made.quant = std::move(quant);
    return graph.add_value(std::move(made));
  }
};

// Runs once; inputs and the result are bytes of codes.
inline std::vector<std::uint8_t> run_codes(const Model& model, const std::vector<std::vector<std::uint8_t>>& inputs,
                                           const SessionOptions& options = {}) {
  auto session = Session::create(model, options);
  INFO(session.status().message());
  REQUIRE(session.ok());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    REQUIRE(session->input_bytes(i).size() == inputs[i].size());
    std::ranges::copy(std::as_bytes(std::span(inputs[i])), session->input_bytes(i).begin());
  }
  session->run();
  const auto bytes = session->output_bytes(0);
  const auto* first = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {first, first + bytes.size()};
}

}  // namespace octet::test
