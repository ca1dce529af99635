// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

namespace {

std::vector<float> filled(const Dims& dims) {
  std::int64_t count = 1;
  for (std::int64_t dim : dims) count *= dim;
  return std::vector<float>(static_cast<std::size_t>(count), 0.5F);
}

// y = Conv(x, w) with whatever `attributes` sets.
template <class Attributes>
OnnxBuilder conv(const Dims& x, const Dims& w, Attributes attributes) {
  OnnxBuilder model;
  model.input("x", x).initializer("w", w, filled(w)).output("y");
  auto node = model.node("Conv", {"x", "w"}, {"y"}).name("conv1");
  attributes(node);
  return model;
}

OnnxBuilder conv(const Dims& x, const Dims& w) {
  return conv(x, w, [](auto&) {});
}

template <class Attributes>
std::string shape(const Dims& x, const Dims& w, Attributes attributes) {
  return shape_named(imported(conv(x, w, attributes)), "y");
}

}  // namespace

TEST_CASE("Conv: output shapes") {
  CHECK(shape({2, 3, 8, 9}, {4, 3, 3, 3}, [](auto&) {}) == "[2,4,6,7]");
  CHECK(shape({2, 3, 8, 9}, {4, 3, 3, 5}, [](auto& n) { n.set("pads", {1, 0, 2, 4}); }) == "[2,4,9,9]");
  CHECK(shape({1, 3, 7, 7}, {4, 3, 3, 3}, [](auto& n) { n.set("strides", {2, 3}); }) == "[1,4,3,2]");
  CHECK(shape({1, 3, 9, 9}, {4, 3, 3, 3}, [](auto& n) { n.set("dilations", {2, 4}); }) == "[1,4,5,1]");
  CHECK(shape({1, 6, 5, 5}, {4, 3, 1, 1}, [](auto& n) { n.set("group", 2); }) == "[1,4,5,5]");
  CHECK(shape({1, 6, 5, 5}, {12, 1, 3, 3}, [](auto& n) { n.set("group", 6); }) == "[1,12,3,3]");
  CHECK(shape({-1, 3, -1, 8}, {4, 3, 3, 3}, [](auto&) {}) == "[?,4,?,6]");
  CHECK(shape({-1, -1, -1, -1}, {4, 3, 3, 3}, [](auto&) {}) == "[?,4,?,?]");
}

TEST_CASE("Conv: auto_pad is resolved once the size is known") {
  const auto window = [](const Dims& x, const char* auto_pad) {
    const Graph graph = imported(conv(x, {1, 1, 3, 4}, [&](auto& n) {
      n.set("auto_pad", auto_pad).set("strides", {2, 2});
    }));
    return graph.nodes.at(0).as<Conv2dAttrs>().window;
  };
  // Height 6 at stride 2: 3 stops, 1 pad. Width 7: 4 stops, 3 pads.
  const Window upper = window({1, 1, 6, 7}, "SAME_UPPER");
  CHECK(upper.auto_pad == AutoPad::none);
  CHECK(upper.pad_begin == std::array<std::int64_t, 2>{0, 1});
  CHECK(upper.pad_end == std::array<std::int64_t, 2>{1, 2});
  const Window lower = window({1, 1, 6, 7}, "SAME_LOWER");
  CHECK(lower.pad_begin == std::array<std::int64_t, 2>{1, 2});
  CHECK(lower.pad_end == std::array<std::int64_t, 2>{0, 1});
  const Window valid = window({1, 1, 6, 7}, "VALID");
  CHECK(valid.auto_pad == AutoPad::none);
  CHECK(valid.pad_end == std::array<std::int64_t, 2>{0, 0});

  Graph later = imported(conv({1, 1, 6, -1}, {1, 1, 3, 4}, [](auto& n) {
    n.set("auto_pad", "SAME_UPPER").set("strides", {2, 2});
  }));
  CHECK(later.nodes.at(0).as<Conv2dAttrs>().window.auto_pad == AutoPad::same_upper);
  CHECK(shape_named(later, "y") == "[1,1,3,?]");
  later[later.inputs[0]].shape[3] = 7;
  REQUIRE(infer_shapes(later).ok());
  CHECK(shape_named(later, "y") == "[1,1,3,4]");
  CHECK(later.nodes.at(0).as<Conv2dAttrs>().window.pad_end == std::array<std::int64_t, 2>{1, 2});

  // A stride longer than the window: nothing to pad.
  CHECK(shape({1, 1, 5, 4}, {1, 1, 1, 1}, [](auto& n) {
          n.set("auto_pad", "SAME_UPPER").set("strides", {3, 3});
        }) == "[1,1,2,2]");
}

TEST_CASE("Conv over one axis becomes one of height 1") {
  const Graph graph = imported(conv({2, 3, 10}, {4, 3, 5}, [](auto& n) {
    n.set("pads", {1, 2}).set("strides", {2}).set("kernel_shape", {5});
  }));
  REQUIRE(ops_of(graph) == "Reshape Conv2d Reshape");
  CHECK(shape_named(graph, "y") == "[2,4,5]");
  const Node& node = graph.nodes[1];
  CHECK(graph.input(node, 1).shape == Shape{4, 3, 1, 5});
  const Window& window = node.as<Conv2dAttrs>().window;
  CHECK(window.kernel == std::array<std::int64_t, 2>{1, 5});
  CHECK(window.stride == std::array<std::int64_t, 2>{1, 2});
  CHECK(window.pad_begin == std::array<std::int64_t, 2>{0, 1});
  CHECK(window.pad_end == std::array<std::int64_t, 2>{0, 2});
  CHECK(shape({-1, 3, -1}, {4, 3, 5}, [](auto& n) { n.set("auto_pad", "SAME_LOWER"); }) == "[?,4,?]");
}

TEST_CASE("Conv over dequantized weights, also along one axis") {
  OnnxBuilder model;
  model.input("x", {1, 2, 6}).output("y");
  model.dequantized<std::int8_t>("w", {4, 2, 3}, std::vector<std::int8_t>(24, 3), {1, 2, 3, 4});
  model.dequantized<std::int32_t>("b", {4}, {1, 2, 3, 4}, {1, 2, 3, 4});
  model.node("Conv", {"x", "w", "b"}, {"y"});
  const Graph graph = imported(model);
  CHECK(shape_named(graph, "y") == "[1,4,4]");
  CHECK(value_named(graph, "w_codes").quant.axis == 0);
  CHECK(value_named(graph, "b_codes").dtype == DType::s32);
}

TEST_CASE("Conv: what does not fit is refused") {
  const auto message = [](const Dims& x, const Dims& w, auto attributes) { return refusal(conv(x, w, attributes)); };
  const auto plain = [](auto&) {};
  CHECK_THAT(message({1, 3, 8, 8}, {4, 2, 3, 3}, plain),
             Contains("node 'conv1' (Conv2d): 3 input channels in 1 groups: the weight [4,2,3,3] must have 1 times 2"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 1, 3, 3}, [](auto& n) { n.set("group", 3); }),
             Contains("4 output channels: must be a multiple of groups 3"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 1, 3, 3}, [](auto& n) { n.set("group", 2); }),
             Contains("3 input channels in 2"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3}, [](auto& n) { n.set("group", 0); }), Contains("groups 0: must be"));
  CHECK_THAT(message({1, 3, 2, 8}, {4, 3, 3, 3}, plain),
             Contains("the window spans 3 at axis 0: must fit into the padded size 2 (input 2)"));
  CHECK_THAT(message({1, 3, 8}, {4, 3, 3, 3}, plain), Contains("input shape [1,3,8]: must have rank 4"));
  CHECK_THAT(message({1, 3, 8, 8, 8}, {4, 3, 3, 3, 3}, plain), Contains("3 spatial axes: supported are 1 and 2"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3}, plain), Contains("0 spatial axes"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3},
                     [](auto& n) {
                       n.set("strides", {1, 0});
                     }),
             Contains("node 'conv1' (Conv): strides 0 at axis 1: must be 1 to 2147483647"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3},
                     [](auto& n) {
                       n.set("strides", {1, 1, 1});
                     }),
             Contains("strides has 3 entries: must have 2"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3},
                     [](auto& n) {
                       n.set("dilations", {-1, 1});
                     }),
             Contains("dilations -1 at axis 0"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3}, [](auto& n) { n.set("pads", {0, 0, 0, -1}); }), Contains("pads -1"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3},
                     [](auto& n) {
                       n.set("pads", {1, 1});
                     }),
             Contains("pads has 2 entries: must have 4"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3}, [](auto& n) { n.set("auto_pad", "SAME"); }),
             Contains("attribute 'auto_pad' = SAME: supported are NOTSET, VALID"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3},
                     [](auto& n) {
                       n.set("kernel_shape", {3, 5});
                     }),
             Contains("kernel size 5 at axis 1: must be at least 1 and agree with the weight [4,3,3,3]"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 0, 3}, plain), Contains("kernel size 0 at axis 0"));
  CHECK_THAT(message({1, 3, 8, 8}, {0, 3, 3, 3}, plain), Contains("0 output channels"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3},
                     [](auto& n) {
                       n.set("dilations", {2147483647, 1}).set("pads", {2147483647, 0, 2147483647, 0});
                     }),
             Contains("must have at most"));
  CHECK_THAT(message({1, 3, 8, 8}, {4, 3, 3, 3},
                     [](auto& n) {
                       n.set("pads", {2147483647, 2147483647, 2147483647, 2147483647});
                     }),
             Contains("output shape [1,4,4294967300,4294967300]: above the limit"));

  OnnxBuilder bias = conv({1, 3, 8, 8}, {4, 3, 3, 3});
  bias.initializer<float>("b", {3}, {1, 2, 3});
  bias.graph().mutable_node(0)->add_input("b");
  CHECK_THAT(refusal(bias), Contains("the bias has shape [3]: must be [4]"));

  OnnxBuilder codes = conv({1, 3, 8, 8}, {4, 3, 3, 3});
  codes.initializer<std::int32_t>("b", {4}, {1, 2, 3, 4});
  codes.graph().mutable_node(0)->add_input("b");
  CHECK_THAT(refusal(codes), Contains("the bias has type s32: must be f32, or s32 with a scale"));

  OnnxBuilder integers;
  integers.input<std::uint8_t>("x", {1, 3, 8, 8}).initializer("w", {4, 3, 3, 3}, filled({4, 3, 3, 3})).output("y");
  integers.node("Conv", {"x", "w"}, {"y"});
  CHECK_THAT(refusal(integers), Contains("input 0 ('x') has type u8: must be f32, or u8 or s8 codes with a scale"));
}

TEST_CASE("Conv of codes keeps what a pass has decided about its output") {
  Graph graph = imported(conv({1, 3, 8, 8}, {4, 3, 3, 3}));
  const Quant quant{{0.5F}, {3}, -1};
  for (ValueId id : {graph.nodes[0].inputs[0], graph.nodes[0].outputs[0]}) {
    graph[id].dtype = DType::u8;
    graph[id].quant = quant;
  }
  REQUIRE(infer_shapes(graph).ok());
  CHECK(value_named(graph, "y").dtype == DType::u8);
  CHECK(value_named(graph, "y").quant == quant);
}

TEST_CASE("Conv in NHWC") {
  Graph graph = imported(conv({2, 3, 8, 9}, {4, 3, 3, 3}));
  graph[graph.inputs[0]].shape = {2, 8, 9, 3};
  graph.nodes[0].as<Conv2dAttrs>().channels_last = true;
  REQUIRE(infer_shapes(graph).ok());
  CHECK(shape_named(graph, "y") == "[2,6,7,4]");
}
