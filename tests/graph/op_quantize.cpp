// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear, DequantizeLinear, Requantize: where parameters come from and where they end up.
#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

namespace {

// y = DequantizeLinear(q, scale, zero) over codes (2, 3).
template <class T>
OnnxBuilder dequantize(const Dims& scale_dims, const std::vector<float>& scale, const std::vector<T>& zero,
                       int axis = 1, int opset = 13) {
  OnnxBuilder model(opset);
  model.initializer<T>("q", {2, 3}, {1, 2, 3, 4, 5, 6}).output("y");
  model.initializer("s", scale_dims, scale);
  std::vector<std::string> inputs = {"q", "s"};
  if (!zero.empty()) {
    model.initializer("z", scale_dims, zero);
    inputs.push_back("z");
  }
  model.node("DequantizeLinear", inputs, {"y"}).name("dq").set("axis", axis);
  return model;
}

OnnxBuilder dequantize(const Dims& scale_dims, const std::vector<float>& scale) {
  return dequantize<std::int8_t>(scale_dims, scale, {});
}

}  // namespace

TEST_CASE("parameters of Dequantize belong to the codes it reads") {
  const auto quant = [](const OnnxBuilder& model) { return value_named(imported(model), "q").quant; };
  CHECK(quant(dequantize<std::int8_t>({}, {0.5F}, {-3})) == Quant{{0.5F}, {-3}, -1});
  CHECK(quant(dequantize<std::int8_t>({1}, {0.5F}, {-3})) == Quant{{0.5F}, {-3}, -1});
  CHECK(quant(dequantize({}, {0.5F})) == Quant{{0.5F}, {0}, -1});
  CHECK(quant(dequantize<std::uint8_t>({3}, {1, 2, 3}, {7, 8, 9})) == Quant{{1, 2, 3}, {7, 8, 9}, 1});
  CHECK(quant(dequantize<std::uint8_t>({2}, {1, 2}, {7, 8}, -2)) == Quant{{1, 2}, {7, 8}, 0});
  CHECK(quant(dequantize<std::int32_t>({}, {0.5F}, {0})) == Quant{{0.5F}, {0}, -1});
  const Graph graph = imported(dequantize({}, {0.5F}));
  CHECK(value_named(graph, "y").dtype == DType::f32);
  CHECK(shape_named(graph, "y") == "[2,3]");
}

TEST_CASE("Quantize gives its output type and parameters") {
  OnnxBuilder model(10);
  model.input("x", {-1, 3}).output("a").output("b");
  model.initializer<float>("s", {}, {0.5F}).initializer<std::int8_t>("z", {}, {4});
  model.node("QuantizeLinear", {"x", "s"}, {"a"});
  model.node("QuantizeLinear", {"x", "s", "z"}, {"b"});
  const Graph graph = imported(model);
  CHECK(value_named(graph, "a").dtype == DType::u8);
  CHECK(value_named(graph, "a").quant == Quant{{0.5F}, {0}, -1});
  CHECK(value_named(graph, "b").dtype == DType::s8);
  CHECK(value_named(graph, "b").quant == Quant{{0.5F}, {4}, -1});
  CHECK(shape_named(graph, "b") == "[?,3]");
}

TEST_CASE("output_dtype stands in for an absent zero point") {
  const auto quantize = [](int dtype, const std::vector<std::string>& inputs) {
    OnnxBuilder model(21);
    model.input("x", {2}).output("y").initializer<float>("s", {}, {0.5F}).initializer<std::uint8_t>("z", {}, {4});
    model.node("QuantizeLinear", inputs, {"y"}).set("output_dtype", dtype);
    return model;
  };
  CHECK(value_named(imported(quantize(3, {"x", "s"})), "y").dtype == DType::s8);
  CHECK(value_named(imported(quantize(2, {"x", "s", "z"})), "y").dtype == DType::u8);
  CHECK_THAT(refusal(quantize(3, {"x", "s", "z"})), Contains("attribute 'output_dtype' = s8: the zero point is u8"));
  CHECK_THAT(refusal(quantize(4, {"x", "s"})), Contains("attribute 'output_dtype' = 4: supported are 2 (uint8)"));
}

TEST_CASE("codes with two meanings") {
  OnnxBuilder constants;
  constants.initializer<std::int8_t>("q", {2}, {1, 2}).output("a").output("b").output("c");
  constants.initializer<float>("s", {}, {0.5F}).initializer<float>("t", {}, {0.25F});
  constants.node("DequantizeLinear", {"q", "s"}, {"a"});
  constants.node("DequantizeLinear", {"q", "t"}, {"b"});
  constants.node("DequantizeLinear", {"q", "s"}, {"c"});
  const Graph graph = imported(constants);
  const auto scale_read_by = [&](int node) {
    return graph.input(graph.nodes.at(static_cast<std::size_t>(node)), 0).quant.scale[0];
  };
  CHECK(scale_read_by(0) == 0.5F);
  CHECK(scale_read_by(1) == 0.25F);
  CHECK(scale_read_by(2) == 0.5F);
  CHECK(graph.nodes[0].inputs[0] == graph.nodes[2].inputs[0]);
  CHECK(graph.input(graph.nodes[0], 0).data == graph.input(graph.nodes[1], 0).data);  // no second copy in memory

  // An activation is one value per meaning too: a view gives its bytes the second one.
  OnnxBuilder activation;
  activation.input("x", {2}).output("y").initializer<float>("s", {}, {0.5F}).initializer<float>("t", {}, {0.25F});
  activation.node("QuantizeLinear", {"x", "s"}, {"q"});
  activation.node("DequantizeLinear", {"q", "t"}, {"y"}).name("dq");
  const Graph views = imported(activation);
  CHECK(ops_of(views) == "Quantize Reshape Dequantize");
  CHECK(views.output(views.nodes[0]).quant.scale[0] == 0.5F);
  CHECK(views.output(views.nodes[1]).quant.scale[0] == 0.25F);
}

TEST_CASE("bad parameters are refused by name") {
  CHECK_THAT(refusal(dequantize({}, {0})), Contains("scale 's' has the entry 0: must be finite and above 0"));
  CHECK_THAT(refusal(dequantize({}, {-1})), Contains("scale 's' has the entry -1"));
  CHECK_THAT(refusal(dequantize({}, {INFINITY})), Contains("scale 's' has the entry inf"));
  CHECK_THAT(refusal(dequantize({3}, {1, NAN, 1})), Contains("scale 's' has the entry nan"));
  CHECK_THAT(refusal(dequantize({0}, {})), Contains("scale 's' is empty"));
  CHECK_THAT(refusal(dequantize({2, 3}, {1, 1, 1, 1, 1, 1})), Contains("scale 's' has shape [2,3]: supported are"));
  CHECK_THAT(refusal(dequantize({2}, {1, 1})), Contains("2 scales for axis 1 of shape [2,3]: must be one per index"));
  CHECK_THAT(refusal(dequantize<std::int8_t>({2}, {1, 1}, {}, 2)), Contains("2 scales for axis 2"));
  CHECK_THAT(refusal(dequantize<std::int8_t>({2}, {1, 1}, {}, -3)), Contains("axis -3: must be an axis of the input"));
  CHECK_THAT(refusal(dequantize<std::int8_t>({2}, {1, 1}, {}, 99)), Contains("axis 99"));
  CHECK_THAT(refusal(dequantize<std::int32_t>({}, {1}, {2})), Contains("zero point other than 0 for s32"));

  OnnxBuilder mismatch = dequantize({3}, {1, 1, 1});
  mismatch.initializer<std::int8_t>("z", {2}, {1, 1});
  mismatch.graph().mutable_node(0)->add_input("z");
  CHECK_THAT(refusal(mismatch), Contains("zero point 'z' has 2 entries: must be as many as scales, 3"));
  OnnxBuilder types = dequantize({}, {1});
  types.initializer<std::uint8_t>("z", {}, {1});
  types.graph().mutable_node(0)->add_input("z");
  CHECK_THAT(refusal(types), Contains("the zero point is u8 and the input 'q' s8: must be the same"));
  OnnxBuilder blocked = dequantize({}, {1});
  OnnxNodeBuilder(*blocked.graph().mutable_node(0)).set("block_size", 32);
  CHECK_THAT(refusal(blocked), Contains("attribute 'block_size' = 32: blocked scales are not supported"));

  OnnxBuilder moving;
  moving.input<std::uint8_t>("q", {2}).input("s", {}).output("y");
  moving.node("DequantizeLinear", {"q", "s"}, {"y"});
  CHECK_THAT(refusal(moving), Contains("scale 's': must be a constant"));
  OnnxBuilder reals;
  reals.input("x", {2}).output("y").initializer<float>("s", {}, {1});
  reals.node("DequantizeLinear", {"x", "s"}, {"y"});
  CHECK_THAT(refusal(reals), Contains("input 'x' has type f32: must be u8, s8 or s32"));
  OnnxBuilder codes;
  codes.input<std::uint8_t>("x", {2}).output("y").initializer<float>("s", {}, {1});
  codes.node("QuantizeLinear", {"x", "s"}, {"y"}).name("q");
  CHECK_THAT(refusal(codes), Contains("node 'q' (Quantize): input 'x' has type u8: must be f32"));
}

TEST_CASE("Quantize of constant floats folds, per channel and with ties to even") {
  OnnxBuilder model;
  model.initializer<float>("w", {2, 3}, {0.5F, 1.5F, -1000, 1, 3, NAN}).output("y");
  model.initializer<float>("s", {2}, {1, 2}).initializer<std::int8_t>("z", {2}, {0, 10});
  model.node("QuantizeLinear", {"w", "s", "z"}, {"y"}).set("axis", 0);
  Graph graph = imported(model);
  REQUIRE(schema_of(Op::Quantize).fold(graph, graph.nodes.at(0)));
  const Value& codes = value_named(graph, "y");
  REQUIRE(codes.is_constant());
  const auto elements = codes.as<std::int8_t>();
  CHECK(std::vector<int>(elements.begin(), elements.end()) == std::vector<int>{0, 2, -128, 10, 12, 10});
  CHECK(codes.quant == Quant{{1, 2}, {0, 10}, 0});
  CHECK(schema_of(Op::Dequantize).fold == nullptr);
}

TEST_CASE("Requantize copies shapes and wants codes on both sides") {
  Graph graph;
  Value x, y;
  x.name = "x";
  x.dtype = DType::u8;
  x.quant = {{0.5F}, {1}, -1};
  x.shape = {2, 3};
  x.shape_known = true;
  y.name = "y";
  graph.inputs = {graph.add_value(x)};
  graph.outputs = {graph.add_value(y)};
  Node node;
  node.name = "r";
  node.op = Op::Requantize;
  node.inputs = graph.inputs;
  node.outputs = graph.outputs;
  graph.nodes.push_back(node);
  CHECK_THAT(infer_shapes(graph).message(), Contains("node 'r' (Requantize): 'y' has type f32 and no scale"));
  graph[graph.outputs[0]].dtype = DType::s8;
  graph[graph.outputs[0]].quant = {{0.25F}, {-4}, -1};
  REQUIRE(infer_shapes(graph).ok());
  CHECK(shape_named(graph, "y") == "[2,3]");
}
