// SPDX-License-Identifier: Apache-2.0
// Values with several names: Identity, Dropout, Constant, and outputs that are not a node's own.
#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

TEST_CASE("Identity and Dropout make no node") {
  OnnxBuilder model;
  model.input("x", {1, 4}).output("y");
  model.node("Identity", {"x"}, {"a"});
  model.node("Dropout", {"a"}, {"b", "mask"}).set("ratio", 0.5F);  // nobody reads the mask
  model.node("Relu", {"b"}, {"y"});
  const Graph graph = imported(model);
  REQUIRE(ops_of(graph) == "Unary");
  CHECK(graph.nodes[0].inputs[0] == graph.inputs[0]);
}

TEST_CASE("a Dropout that trains or whose mask is used is refused") {
  OnnxBuilder mask;
  mask.input("x", {1, 4}).output("y").output("mask");
  mask.node("Dropout", {"x"}, {"y", "mask"}).name("drop");
  CHECK_THAT(refusal(mask), Contains("node 'drop' (Dropout): output 1 ('mask') is used"));

  OnnxBuilder training;
  training.input("x", {1, 4}).initializer<bool>("on", {}, {true}).output("y");
  training.node("Dropout", {"x", "", "on"}, {"y"});
  CHECK_THAT(refusal(training), Contains("training_mode must be a constant false"));
}

TEST_CASE("an Identity of an initializer is that initializer") {
  OnnxBuilder model;
  model.input("x", {1, 4}).initializer<float>("c", {4}, {1, 2, 3, 4}).output("y");
  model.node("Identity", {"c"}, {"shared"});
  model.node("Add", {"x", "shared"}, {"y"});
  const Graph graph = imported(model);
  CHECK(graph[graph.nodes.at(0).inputs[1]].is_constant());
}

TEST_CASE("Constant in its forms") {
  OnnxBuilder model;
  model.output("t").output("f").output("fs").output("i").output("is");
  model.node("Constant", {}, {"t"}).set_tensor("value", onnx_tensor<std::int8_t>("", {2}, {-1, 5}));
  model.node("Constant", {}, {"f"}).set("value_float", 0.5F);
  model.node("Constant", {}, {"fs"}).set_reals("value_floats", {1, 2, 3});
  model.node("Constant", {}, {"i"}).set("value_int", 7);
  model.node("Constant", {}, {"is"}).set("value_ints", {4, 5});
  const Graph graph = imported(model);
  CHECK(graph.nodes.empty());
  CHECK(value_named(graph, "t").as<std::int8_t>()[1] == 5);
  CHECK(shape_named(graph, "f") == "[]");
  CHECK(value_named(graph, "fs").as<float>()[2] == 3.0F);
  CHECK(value_named(graph, "i").as<std::int64_t>()[0] == 7);
  CHECK(value_named(graph, "is").dtype == DType::s64);

  OnnxBuilder text;
  text.output("t");
  text.node("Constant", {}, {"t"}).set("value_string", "no");
  CHECK_THAT(refusal(text), Contains("node 't' (Constant): attribute 'value_string': supported are value,"));
}

TEST_CASE("outputs keep their names, whatever they are made of") {
  OnnxBuilder model;
  model.input("x", {1, 4}).initializer<float>("c", {2}, {1, 2});
  for (const char* name : {"x", "same_x", "c", "same_c", "y", "relu", "z"}) model.output(name);
  model.node("Identity", {"x"}, {"same_x"});
  model.node("Identity", {"c"}, {"same_c"});
  model.node("Relu", {"x"}, {"relu"});
  model.node("Identity", {"relu"}, {"y"});
  model.node("Identity", {"relu"}, {"z"});
  const Graph graph = imported(model);
  std::string names;
  for (ValueId id : graph.outputs) {
    names += graph[id].name + " ";
    CHECK(graph[id].shape_known);
  }
  CHECK(names == "x same_x c same_c y relu z ");
  // No two outputs are one value, and each that is not an input or a constant has a node.
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) CHECK(graph.outputs[i] != graph.outputs[j]);
  }
  Graph again = graph;
  REQUIRE(infer_shapes(again).ok());
  CHECK(ops_of(again) == "Unary Reshape Reshape Reshape");
  CHECK(shape_named(again, "same_x") == "[1,4]");
}
