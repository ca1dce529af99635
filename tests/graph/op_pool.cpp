// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

namespace {

template <class Attributes>
OnnxBuilder pool(const char* op, const Dims& x, Attributes attributes) {
  OnnxBuilder model(19);
  model.input("x", x).output("y");
  auto node = model.node(op, {"x"}, {"y"}).name("pool");
  attributes(node);
  return model;
}

template <class Attributes>
std::string shape(const Dims& x, Attributes attributes) {
  return shape_named(imported(pool("MaxPool", x, attributes)), "y");
}

}  // namespace

TEST_CASE("pools: output shapes") {
  CHECK(shape({1, 3, 8, 9}, [](auto& n) { n.set("kernel_shape", {2, 3}); }) == "[1,3,7,7]");
  CHECK(shape({1, 3, 8, 9}, [](auto& n) { n.set("kernel_shape", {2, 3}).set("strides", {2, 2}); }) == "[1,3,4,4]");
  CHECK(shape({1, 3, 8, 8}, [](auto& n) { n.set("kernel_shape", {3, 3}).set("dilations", {2, 3}); }) == "[1,3,4,2]");
  CHECK(shape({-1, 3, -1, 8}, [](auto& n) { n.set("kernel_shape", {2, 2}); }) == "[?,3,?,7]");
  CHECK(shape({1, 3, 8, 9}, [](auto& n) {
          n.set("kernel_shape", {3, 3}).set("strides", {2, 2}).set("auto_pad", "SAME_UPPER");
        }) == "[1,3,4,5]");
  CHECK(shape({1, 3, 9}, [](auto& n) { n.set("kernel_shape", {3}).set("pads", {1, 1}); }) == "[1,3,9]");
}

TEST_CASE("ceil_mode counts a partial window only if it starts inside") {
  const auto sized = [](std::int64_t size, int kernel, int stride, int pad) {
    return shape({1, 1, size, size}, [&](auto& n) {
      n.set("kernel_shape", {kernel, kernel}).set("strides", {stride, stride}).set("ceil_mode", 1);
      n.set("pads", {pad, pad, pad, pad});
    });
  };
  CHECK(sized(6, 3, 2, 0) == "[1,1,3,3]");  // the third window has two rows
  CHECK(sized(7, 3, 2, 0) == "[1,1,3,3]");  // fits exactly
  CHECK(sized(1, 2, 2, 1) == "[1,1,1,1]");  // a second window would lie in the pad
  CHECK(sized(4, 2, 3, 0) == "[1,1,2,2]");
  CHECK(sized(4, 1, 5, 0) == "[1,1,1,1]");
}

TEST_CASE("global pools take the whole image") {
  Graph graph = imported(pool("GlobalAveragePool", {2, 3, 5, -1}, [](auto&) {}));
  CHECK(shape_named(graph, "y") == "[2,3,1,1]");
  CHECK(graph.nodes.at(0).as<PoolAttrs>().kind == PoolKind::average);
  graph[graph.inputs[0]].shape[3] = 7;
  REQUIRE(infer_shapes(graph).ok());
  CHECK(graph.nodes[0].as<PoolAttrs>().window.kernel == std::array<std::int64_t, 2>{5, 7});

  const Graph line = imported(pool("GlobalMaxPool", {2, 3, 5}, [](auto&) {}));
  CHECK(ops_of(line) == "Reshape Pool Reshape");
  CHECK(shape_named(line, "y") == "[2,3,1]");
  CHECK_THAT(refusal(pool("GlobalMaxPool", {2, 3}, [](auto&) {})), Contains("supported are 1 and 2 spatial axes"));
}

TEST_CASE("a MaxPool between Quantize and Dequantize moves codes") {
  OnnxBuilder model;
  model.input("x", {1, 1, 4, 4}).output("y");
  model.initializer<float>("s", {}, {0.5F}).initializer<std::uint8_t>("z", {}, {7});
  model.node("QuantizeLinear", {"x", "s", "z"}, {"q"});
  model.node("MaxPool", {"q"}, {"p"}).set("kernel_shape", {2, 2});
  model.node("DequantizeLinear", {"p", "s", "z"}, {"y"});
  const Graph graph = imported(model);
  CHECK(value_named(graph, "p").dtype == DType::u8);
  CHECK(value_named(graph, "p").quant == value_named(graph, "q").quant);

  OnnxBuilder from_input;  // the parameters are told only behind the pool
  from_input.input<std::int8_t>("x", {1, 1, 4, 4}).output("y");
  from_input.initializer<float>("s", {}, {0.5F}).initializer<std::int8_t>("z", {}, {-7});
  from_input.node("MaxPool", {"x"}, {"p"}).set("kernel_shape", {2, 2});
  from_input.node("DequantizeLinear", {"p", "s", "z"}, {"y"});
  Graph told = imported(from_input);
  REQUIRE(infer_shapes(told).ok());
  CHECK(value_named(told, "x").quant == value_named(told, "p").quant);
  CHECK(value_named(told, "x").is_quantized());
}

TEST_CASE("pools: what does not fit is refused") {
  const auto message = [](const char* op, const Dims& x, auto attributes) { return refusal(pool(op, x, attributes)); };
  CHECK_THAT(message("MaxPool", {1, 3, 8, 8}, [](auto&) {}), Contains("attribute 'kernel_shape' is absent"));
  CHECK_THAT(message("MaxPool", {1, 3, 8, 8},
                     [](auto& n) {
                       n.set("kernel_shape", {2, 2, 2});
                     }),
             Contains("3 spatial axes"));
  CHECK_THAT(message("MaxPool", {1, 3, 8, 8},
                     [](auto& n) {
                       n.set("kernel_shape", {2, 2}).set("pads", {0, 2, 0, 0});
                     }),
             Contains("node 'pool' (Pool): pads 2 and 0 at axis 1: must be less than the window's span 2"));
  CHECK_THAT(message("MaxPool", {1, 3, 2, 8},
                     [](auto& n) {
                       n.set("kernel_shape", {2, 2}).set("dilations", {3, 1}).set("pads", {2, 0, 2, 0});
                     }),
             Contains("dilation 3 at axis 0 with pads: must not exceed the input size 2"));
  CHECK_THAT(message("AveragePool", {1, 3, 8, 8},
                     [](auto& n) {
                       n.set("kernel_shape", {9, 1});
                     }),
             Contains("the window spans 9 at axis 0: must fit into the padded size 8"));
  CHECK_THAT(message("AveragePool", {1, 3, 8, 8},
                     [](auto& n) {
                       n.set("kernel_shape", {0, 1});
                     }),
             Contains("kernel_shape 0 at axis 0: must be 1 to"));
  CHECK_THAT(message("MaxPool", {1, 3, 8, 8},
                     [](auto& n) {
                       n.set("kernel_shape", {100000, 100000}).set("auto_pad", "SAME_UPPER");
                     }),
             Contains("must have at most 1048576 taps"));

  OnnxBuilder indices;
  indices.input("x", {1, 1, 4, 4}).output("y").output("i");
  indices.node("MaxPool", {"x"}, {"y", "i"}).name("pool").set("kernel_shape", {2, 2});
  CHECK_THAT(refusal(indices), Contains("output 1 ('i') is used: only output 0 is supported"));

  OnnxBuilder codes;
  codes.input<std::uint8_t>("x", {1, 1, 4, 4}).output("y");
  codes.node("AveragePool", {"x"}, {"y"}).set("kernel_shape", {2, 2});
  CHECK_THAT(refusal(codes), Contains("input 0 ('x') has type u8"));
}
