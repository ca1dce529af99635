// SPDX-License-Identifier: Apache-2.0
// Whole files: what is refused before and beside the ops.
#include <random>

#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

namespace {

OnnxBuilder relu_model(int opset = 13) {
  OnnxBuilder model(opset);
  model.input("x", {1, 4}).output("y");
  model.node("Relu", {"x"}, {"y"}).name("relu");
  return model;
}

}  // namespace

TEST_CASE("a small model becomes a graph") {
  const Graph graph = imported(relu_model());
  REQUIRE(ops_of(graph) == "Unary");
  CHECK(graph.name == "test");
  CHECK(graph.nodes[0].name == "relu");
  CHECK(graph[graph.inputs.at(0)].name == "x");
  CHECK(graph[graph.outputs.at(0)].name == "y");
  CHECK(shape_named(graph, "y") == "[1,4]");
}

TEST_CASE("bytes that are no model are refused") {
  CHECK_THAT(import_onnx({}, {}).status().message(), Contains("the file is empty"));
  CHECK_THAT(import_onnx(as_bytes("a text file, not a model"), {}).status().message(), Contains("not an ONNX model"));
  CHECK_THAT(import_onnx(as_bytes(std::string("\x08\x07", 2)), {}).status().message(), Contains("holds no graph"));
  OnnxBuilder empty;
  CHECK_THAT(refusal(empty), Contains("no outputs"));
}

TEST_CASE("a truncated model is refused at any length") {
  const std::string bytes = relu_model().bytes();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const std::string part = bytes.substr(0, size);
    const auto result = import_onnx(as_bytes(part), {});
    INFO("first " << size << " of " << bytes.size() << " bytes");
    CHECK_FALSE(result.ok());
    CHECK_FALSE(result.status().message().empty());
  }
}

TEST_CASE("a model with changed bytes is a graph or an error") {
  OnnxBuilder model(13);
  model.input("x", {1, 2, 6, 6}).initializer<float>("w", {4, 2, 3, 3}, std::vector<float>(72, 0.5F)).output("y");
  model.fake_quant<std::uint8_t>("x", "xq", 0.1F, 3).dequantized<std::int8_t>("b", {4}, {1, 2, 3, 4}, {0.5F});
  model.node("Conv", {"xq", "w"}, {"c"}).set("pads", {1, 1, 1, 1});
  model.node("MaxPool", {"c"}, {"p"}).set("kernel_shape", {2, 2}).set("auto_pad", "SAME_UPPER");
  model.node("Flatten", {"p"}, {"f"});
  model.node("Softmax", {"f"}, {"y"});
  const std::string bytes = model.bytes();
  REQUIRE(refusal(model).empty());
  std::mt19937 random(20240611);
  for (int round = 0; round < 3000; ++round) {
    std::string changed = bytes;
    for (int change = 0; change < 1 + round % 4; ++change)
      changed[random() % changed.size()] = static_cast<char>(random());
    const auto result = import_onnx(as_bytes(changed), {});
    if (!result.ok()) CHECK_FALSE(result.status().message().empty());
  }
}

TEST_CASE("opsets 1 to 21 are read") {
  for (int opset = 7; opset <= 21; ++opset) CHECK(refusal(relu_model(opset)).empty());
  CHECK(refusal(relu_model(6)).empty());
  CHECK_THAT(refusal(relu_model(22)), Contains("opset 22: supported are 1 to 21"));
  OnnxBuilder none = relu_model();
  none.proto.clear_opset_import();
  CHECK_THAT(refusal(none), Contains("imports no opset"));
  OnnxBuilder spelled_out = relu_model();
  spelled_out.proto.mutable_opset_import(0)->set_domain("ai.onnx");
  CHECK(refusal(spelled_out).empty());
}

TEST_CASE("an unsupported op is named together with what is supported") {
  OnnxBuilder model;
  model.input("x", {1, 4}).output("y");
  model.node("LSTM", {"x"}, {"y"}).name("rnn");
  CHECK_THAT(refusal(model), Contains("node 'rnn': op LSTM is not supported; supported are Abs, Add, And, ArgMax"));

  OnnxBuilder foreign;
  foreign.input("x", {1, 4}).output("y");
  foreign.node("Relu", {"x"}, {"y"}).domain("com.microsoft");
  CHECK_THAT(refusal(foreign), Contains("node 'y': op com.microsoft.Relu is not supported"));
}

TEST_CASE("subgraphs are refused by name") {
  OnnxBuilder model;
  model.input("x", {1, 4}).output("y");
  auto& branch = *model.node("If", {"x"}, {"y"}).proto().add_attribute();
  branch.set_name("then_branch");
  branch.set_type(onnx::AttributeProto::GRAPH);
  CHECK_THAT(refusal(model), Contains("node 'y' (If): attribute 'then_branch' is a subgraph"));
}

TEST_CASE("nodes are sorted; cycles and missing values are refused") {
  OnnxBuilder unsorted;
  unsorted.input("x", {1, 4}).output("y");
  unsorted.node("Relu", {"a"}, {"y"});
  unsorted.node("Tanh", {"x"}, {"a"});
  const Graph graph = imported(unsorted);
  REQUIRE(graph.nodes.size() == 2);
  CHECK(graph.nodes[0].name == "a");

  OnnxBuilder cyclic;
  cyclic.input("x", {1, 4}).output("y");
  cyclic.node("Add", {"x", "b"}, {"a"}).name("first");
  cyclic.node("Relu", {"a"}, {"b"}).name("second");
  cyclic.node("Relu", {"b"}, {"y"}).name("behind");
  CHECK_THAT(refusal(cyclic), Contains("is part of a cycle"));
  CHECK_THAT(refusal(cyclic), !Contains("behind"));

  OnnxBuilder dangling;
  dangling.input("x", {1, 4}).output("y");
  dangling.node("Add", {"x", "nowhere"}, {"y"});
  CHECK_THAT(refusal(dangling), Contains("node 'y' reads 'nowhere', which no node makes"));
}

TEST_CASE("a name stands for one value") {
  OnnxBuilder twice = relu_model();
  twice.node("Tanh", {"x"}, {"y"}).name("again");
  CHECK_THAT(refusal(twice), Contains("node 'again' makes 'y': the name stands for another value already"));

  OnnxBuilder over_input = relu_model();
  over_input.node("Tanh", {"x"}, {"x"}).name("self");
  CHECK_THAT(refusal(over_input), Contains("node 'self' makes 'x'"));

  OnnxBuilder inputs = relu_model();
  inputs.input("x", {2});
  CHECK_THAT(refusal(inputs), Contains("input 'x': the name stands"));

  OnnxBuilder initializers = relu_model();
  initializers.initializer<float>("c", {1}, {1}).initializer<float>("c", {1}, {2});
  CHECK_THAT(refusal(initializers), Contains("initializer 'c': the name stands"));
}

TEST_CASE("inputs: types, ranks and sizes") {
  const auto with_input = [](auto change) {
    OnnxBuilder model = relu_model();
    change(*model.graph().mutable_input(0)->mutable_type());
    return refusal(model);
  };
  CHECK_THAT(with_input([](auto& type) { type.mutable_tensor_type()->set_elem_type(onnx::TensorProto::FLOAT16); }),
             Contains("input 'x': type float16: supported are float,"));
  CHECK_THAT(with_input([](auto& type) { type.mutable_sequence_type(); }), Contains("input 'x': not a tensor"));
  CHECK_THAT(with_input([](auto& type) {
               for (int i = 0; i < 5; ++i) type.mutable_tensor_type()->mutable_shape()->add_dim()->set_dim_value(1);
             }),
             Contains("input 'x': rank 7: must be at most 6"));
  CHECK_THAT(
      with_input([](auto& type) { type.mutable_tensor_type()->mutable_shape()->mutable_dim(1)->set_dim_value(0); }),
      Contains("input 'x': size 0 at axis 1"));
  CHECK_THAT(with_input([](auto& type) {
               for (auto& dim : *type.mutable_tensor_type()->mutable_shape()->mutable_dim()) dim.set_dim_value(1 << 30);
             }),
             Contains("too many elements"));

  OnnxBuilder symbolic;
  symbolic.input("x", {-1, 4}).output("y");
  symbolic.node("Relu", {"x"}, {"y"});
  CHECK(shape_named(imported(symbolic), "y") == "[?,4]");

  OnnxBuilder shapeless = relu_model();
  shapeless.graph().mutable_input(0)->mutable_type()->mutable_tensor_type()->clear_shape();
  CHECK(shape_named(imported(shapeless), "y") == "?");
}

TEST_CASE("initializers listed as inputs are constants") {
  OnnxBuilder model(7, 3);
  model.input("x", {1, 4}).input("c", {4}).initializer<float>("c", {4}, {1, 2, 3, 4}).output("y");
  model.node("Add", {"x", "c"}, {"y"});
  const Graph graph = imported(model);
  CHECK(graph.inputs.size() == 1);
  CHECK(value_named(graph, "c").is_constant());
}

TEST_CASE("outputs: missing, declared twice") {
  OnnxBuilder missing = relu_model();
  missing.output("z");
  CHECK_THAT(refusal(missing), Contains("output 'z' is made by no node"));
  OnnxBuilder twice = relu_model();
  twice.output("y");
  CHECK_THAT(refusal(twice), Contains("output 'y' is declared twice"));
}

TEST_CASE("a node needs its inputs and at most its outputs") {
  OnnxBuilder none;
  none.input("x", {1, 4}).output("y");
  none.node("Relu", {}, {"y"}).name("r");
  CHECK_THAT(refusal(none), Contains("node 'r' (Relu): 0 inputs: must be 1"));

  OnnxBuilder absent;
  absent.input("x", {1, 4}).output("y");
  absent.node("Add", {"", "x"}, {"y"});
  CHECK_THAT(refusal(absent), Contains("input 0 is absent"));

  OnnxBuilder no_output = relu_model();
  no_output.node("Relu", {"x"}, {}).name("void");
  CHECK_THAT(refusal(no_output), Contains("node 'void' (Relu): has no outputs"));
}

TEST_CASE("attributes of the wrong kind and attributes given twice are refused") {
  OnnxBuilder wrong;
  wrong.input("x", {1, 4}).output("y");
  wrong.node("LeakyRelu", {"x"}, {"y"}).set("alpha", 1);
  CHECK_THAT(refusal(wrong), Contains("node 'y' (LeakyRelu): attribute 'alpha' is an integer: must be a float"));

  OnnxBuilder twice;
  twice.input("x", {1, 4}).output("y");
  twice.node("LeakyRelu", {"x"}, {"y"}).set("alpha", 0.5F).set("alpha", 0.25F);
  CHECK_THAT(refusal(twice), Contains("attribute 'alpha' is given twice"));
}
