// SPDX-License-Identifier: Apache-2.0
// Files as exporters write them: what the standard allows beside the obvious.
#include "graph/passes/passes.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

namespace {

Graph simplified(const OnnxBuilder& model) {
  Graph graph = imported(model);
  const Status status = simplify(graph);
  INFO(status.message());
  REQUIRE(status.ok());
  return graph;
}

}  // namespace

TEST_CASE("IR 3 lists initializers as inputs") {
  const int opset = GENERATE(7, 9);
  const int ir_version = GENERATE(3, 4);
  OnnxBuilder model(opset, ir_version);
  model.input("x", {1, 2, 4, 4}).input("w", {3, 2, 1, 1}).input("b", {3}).output("y");
  model.initializer("w", {3, 2, 1, 1}, std::vector<float>(6, 1)).initializer("b", {3}, std::vector<float>(3, 0));
  model.node("Conv", {"x", "w", "b"}, {"y"});
  const Graph graph = imported(model);
  CHECK(graph.inputs.size() == 1);
  CHECK(ops_of(graph) == "Conv2d");
}

TEST_CASE("Identity shares one initializer among layers") {
  OnnxBuilder model;
  model.input("x", {1, 2, 4, 4}).output("y");
  model.initializer("w", {2, 2, 1, 1}, std::vector<float>(4, 1)).initializer("b", {2}, std::vector<float>(2, 0.5F));
  model.node("Identity", {"b"}, {"b2"});
  model.node("Conv", {"x", "w", "b"}, {"h"});
  model.node("Conv", {"h", "w", "b2"}, {"y"});
  const Graph graph = simplified(model);
  CHECK(ops_of(graph) == "Conv2d Conv2d");
  CHECK(graph.nodes[0].inputs[2] == graph.nodes[1].inputs[2]);
}

TEST_CASE("a flatten written as Shape, Gather, Unsqueeze, Concat, Reshape") {
  OnnxBuilder model(9);
  model.input("x", {-1, 2, 3, 3}).output("y");
  model.initializer<std::int64_t>("zero", {}, {0}).initializer<std::int64_t>("rest", {1}, {-1});
  model.node("Shape", {"x"}, {"shape"});
  model.node("Gather", {"shape", "zero"}, {"batch"}).set("axis", 0);
  model.node("Unsqueeze", {"batch"}, {"batch1"}).set("axes", {0});
  model.node("Concat", {"batch1", "rest"}, {"target"}).set("axis", 0);
  model.node("Reshape", {"x", "target"}, {"y"});
  Graph graph = simplified(model);
  REQUIRE(lower(graph, {{{"x", Shape{5, 2, 3, 3}}}, DType::u8}).ok());
  CHECK(ops_of(graph) == "Reshape");
  CHECK(shape_named(graph, "y") == "[5,18]");
}

TEST_CASE("old opsets: operators that changed until opset 7 are refused by name") {
  OnnxBuilder same(6);
  same.input("x", {2, 2}).output("y");
  same.node("Elu", {"x"}, {"y"});
  CHECK(ops_of(imported(same)) == "Unary");
  OnnxBuilder changed(6);
  changed.input("x", {2, 2}).input("z", {2}).output("y");
  changed.node("Add", {"x", "z"}, {"y"}).name("sum").set("broadcast", 1);
  CHECK_THAT(refusal(changed), Contains("node 'sum' (Add): its form of opset 6: supported since opset 7"));
}

TEST_CASE("an operator of a custom domain is refused by name") {
  OnnxBuilder model;
  model.input("x", {2}).output("y");
  auto& import = *model.proto.add_opset_import();
  import.set_domain("acme.corp");
  import.set_version(3);
  model.node("Relu", {"x"}, {"y"}).name("special").domain("acme.corp");
  CHECK_THAT(refusal(model), Contains("node 'special': op acme.corp.Relu is not supported"));
}

TEST_CASE("weights of 4 bits are refused by name") {
  OnnxBuilder model(21);
  model.input("x", {1, 2}).output("y");
  onnx::TensorProto& weights = *model.graph().add_initializer();
  weights.set_name("w");
  weights.set_data_type(22);  // INT4
  weights.add_dims(2);
  weights.set_raw_data("\x21");
  model.initializer<float>("s", {}, {0.1F});
  model.node("DequantizeLinear", {"w", "s"}, {"y"});
  CHECK_THAT(refusal(model), Contains("initializer 'w'") && Contains("int4"));
}
