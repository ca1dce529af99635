// SPDX-License-Identifier: Apache-2.0
// Binary and Unary ops, BatchNormalization, broadcasting.
#include <cmath>
#include <limits>

#include "graph/broadcast.h"
#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

namespace {

std::string added(const Dims& a, const Dims& b) {
  OnnxBuilder model;
  model.input("a", a).input("b", b).output("y");
  model.node("Add", {"a", "b"}, {"y"}).name("sum");
  const std::string message = refusal(model);
  return message.empty() ? shape_named(imported(model), "y") : message;
}

template <class Attributes>
OnnxBuilder unary(const char* op, int opset, Attributes attributes) {
  OnnxBuilder model(opset);
  model.input("x", {1, 4}).output("y");
  auto node = model.node(op, {"x"}, {"y"}).name("f");
  attributes(node);
  return model;
}

// What folding makes of one node over constants.
template <class T>
std::vector<T> folded(OnnxBuilder& model) {
  Graph graph = imported(model);
  REQUIRE(graph.nodes.size() == 1);
  const auto fold = schema_of(graph.nodes[0].op).fold;
  REQUIRE(fold != nullptr);
  if (!fold(graph, graph.nodes[0])) return {};
  const auto elements = graph.output(graph.nodes[0]).as<T>();
  return {elements.begin(), elements.end()};
}

template <class T>
std::vector<T> folded(const char* op, const Dims& a_dims, const std::vector<T>& a, const Dims& b_dims,
                      const std::vector<T>& b) {
  OnnxBuilder model;
  model.initializer("a", a_dims, a).initializer("b", b_dims, b).output("y");
  model.node(op, {"a", "b"}, {"y"});
  return folded<T>(model);
}

template <class T>
std::vector<T> folded(const char* op, const std::vector<T>& x) {
  OnnxBuilder model;
  model.initializer("x", {static_cast<std::int64_t>(x.size())}, x).output("y");
  model.node(op, {"x"}, {"y"});
  return folded<T>(model);
}

}  // namespace

TEST_CASE("broadcast shapes") {
  CHECK(added({2, 3}, {2, 3}) == "[2,3]");
  CHECK(added({2, 3, 4}, {4}) == "[2,3,4]");
  CHECK(added({2, 1, 4}, {3, 1}) == "[2,3,4]");
  CHECK(added({}, {5}) == "[5]");
  CHECK(added({-1, 3}, {1, 3}) == "[?,3]");
  CHECK(added({-1, 3}, {4, 3}) == "[4,3]");
  CHECK(added({-1}, {-1}) == "[?]");
  CHECK_THAT(added({2, 3}, {2, 4}), Contains("node 'sum' (Binary): shapes [2,3] and [2,4] cannot be broadcast"));
  CHECK_THAT(added({2, 3}, {3, 2}), Contains("cannot be broadcast"));
}

TEST_CASE("broadcast strides visit the right elements") {
  const Shape a{2, 1, 3}, b{4, 1};
  const auto shape = broadcast(a, b);
  REQUIRE(shape);
  REQUIRE(*shape == Shape{2, 4, 3});
  std::int64_t visits = 0;
  for_each_broadcast(*shape, a, b, [&](std::int64_t i, std::int64_t at_a, std::int64_t at_b) {
    const std::int64_t n = i / 12, row = i / 3 % 4, column = i % 3;
    CHECK(i == visits++);
    CHECK(at_a == n * 3 + column);
    CHECK(at_b == row);
  });
  CHECK(visits == 24);
  for_each_broadcast({0, 3}, {0, 3}, {3}, [&](auto, auto, auto) { FAIL("an empty shape has no elements"); });
}

TEST_CASE("two small constants cannot broadcast into a huge one") {
  OnnxBuilder model;
  model.initializer("a", {100000, 1}, std::vector<float>(100000))
      .initializer("b", {100000}, std::vector<float>(100000));
  model.output("y").node("Add", {"a", "b"}, {"y"});
  CHECK(folded<float>(model).empty());
}

TEST_CASE("constants fold exactly") {
  CHECK(folded<float>("Add", {2}, {1, 2}, {}, {0.5F}) == std::vector<float>{1.5F, 2.5F});
  CHECK(folded<float>("Sub", {2, 1}, {1, 2}, {2}, {10, 20}) == std::vector<float>{-9, -19, -8, -18});
  CHECK(folded<float>("Div", {1}, {1}, {1}, {0}) == std::vector<float>{std::numeric_limits<float>::infinity()});
  CHECK(folded<float>("Min", {2}, {1, 5}, {2}, {3, 3}) == std::vector<float>{1, 3});
  CHECK(folded<float>("Max", {2}, {1, 5}, {2}, {3, 3}) == std::vector<float>{3, 5});
  CHECK(std::isnan(folded<float>("Max", {1}, {1}, {1}, {NAN})[0]));
  CHECK(std::isnan(folded<float>("Max", {1}, {NAN}, {1}, {1})[0]));
  CHECK(folded<float>("Pow", {1}, {2}, {1}, {3}).empty());  // left to octet's own kernel
  CHECK(folded<std::int64_t>("Mul", {2}, {3, -4}, {}, {5}) == std::vector<std::int64_t>{15, -20});
  CHECK(folded<std::int64_t>("Div", {2}, {7, -7}, {}, {2}) == std::vector<std::int64_t>{3, -3});
  CHECK(folded<std::int64_t>("Div", {1}, {7}, {}, {0}).empty());
  CHECK(folded<std::int32_t>("Add", {1}, {7}, {1}, {1}) == std::vector<std::int32_t>{8});

  CHECK(folded<float>("Relu", {-1, 0, 2}) == std::vector<float>{0, 0, 2});
  CHECK(folded<float>("Sqrt", {4, 2}) == std::vector<float>{2, std::sqrt(2.0F)});
  CHECK(folded<float>("Floor", {-1.5F}) == std::vector<float>{-2});
  CHECK(folded<float>("Neg", {1.5F}) == std::vector<float>{-1.5F});
  CHECK(folded<std::int64_t>("Neg", {3, std::numeric_limits<std::int64_t>::min()}) ==
        std::vector<std::int64_t>{-3, std::numeric_limits<std::int64_t>::min()});
  CHECK(folded<std::int32_t>("Abs", {-3, 3}) == std::vector<std::int32_t>{3, 3});
  CHECK(folded<float>("Exp", {1.0F}).empty());  // libm differs between systems
}

TEST_CASE("Sum, Min and Max chain any number of inputs") {
  OnnxBuilder model;
  model.input("a", {1, 3}).input("b", {2, 1}).input("c", {3}).output("y").output("z");
  model.node("Sum", {"a", "b", "c"}, {"y"}).name("sum");
  model.node("Max", {"y"}, {"z"});
  const Graph graph = imported(model);
  CHECK(ops_of(graph) == "Binary Binary Reshape");
  CHECK(shape_named(graph, "y") == "[2,3]");
  CHECK(shape_named(graph, "sum/1") == "[2,3]");
}

TEST_CASE("operands of different types are refused") {
  OnnxBuilder model;
  model.input("a", {2}).initializer<std::int64_t>("b", {2}, {1, 2}).output("y");
  model.node("Add", {"a", "b"}, {"y"});
  CHECK_THAT(refusal(model), Contains("input 1 ('b') has type s64: must be f32"));
  OnnxBuilder mixed;
  mixed.initializer<std::int32_t>("a", {2}, {1, 2}).initializer<std::int64_t>("b", {2}, {1, 2}).output("y");
  mixed.node("Add", {"a", "b"}, {"y"});
  CHECK_THAT(refusal(mixed), Contains("input 0 ('a') has type s32"));
}

TEST_CASE("unary functions and their parameters") {
  const auto attrs = [](const OnnxBuilder& model) { return imported(model).nodes.at(0).as<UnaryAttrs>(); };
  const auto plain = [](auto&) {};
  for (const char* op : {"Relu", "Sigmoid", "HardSwish", "Tanh", "Erf", "Exp", "Log", "Sqrt", "Reciprocal", "Neg",
                         "Abs", "Floor", "Ceil", "Softplus"}) {
    CHECK(shape_named(imported(unary(op, 14, plain)), "y") == "[1,4]");
  }
  CHECK(attrs(unary("LeakyRelu", 13, plain)).alpha == 0.01F);
  CHECK(attrs(unary("LeakyRelu", 13, [](auto& n) { n.set("alpha", 0.25F); })).alpha == 0.25F);
  CHECK(attrs(unary("Elu", 13, plain)).alpha == 1.0F);
  CHECK(attrs(unary("HardSigmoid", 13, plain)).alpha == 0.2F);
  CHECK(attrs(unary("HardSigmoid", 13, plain)).beta == 0.5F);
  CHECK_THAT(refusal(unary("LeakyRelu", 13, [](auto& n) { n.set("alpha", INFINITY); })), Contains("must be finite"));
  CHECK(attrs(unary("Gelu", 20, plain)).fn == UnaryFn::gelu_erf);
  CHECK(attrs(unary("Gelu", 20, [](auto& n) { n.set("approximate", "tanh"); })).fn == UnaryFn::gelu_tanh);
  CHECK_THAT(refusal(unary("Gelu", 20, [](auto& n) { n.set("approximate", "fast"); })),
             Contains("attribute 'approximate' = fast: supported are none and tanh"));
}

TEST_CASE("Clip takes attributes before opset 11 and constant inputs since") {
  const auto clamp = [](const OnnxBuilder& model) { return imported(model).nodes.at(0).as<UnaryAttrs>().clip; };
  CHECK(clamp(unary("Clip", 7, [](auto& n) { n.set("min", 0.0F).set("max", 6.0F); })) == Clamp{0, 6});
  CHECK(clamp(unary("Clip", 7, [](auto& n) { n.set("min", -1.0F); })) == Clamp{-1, INFINITY});
  CHECK(clamp(unary("Clip", 7, [](auto& n) { n.set("max", std::numeric_limits<float>::max()); })) == Clamp{});

  const auto with_bounds = [](const std::vector<std::string>& inputs) {
    OnnxBuilder model(13);
    model.input("x", {1, 4}).input("moving", {}).output("y");
    model.initializer<float>("low", {}, {-2}).initializer<float>("high", {1}, {3});
    model.initializer<float>("two", {2}, {1, 2}).initializer<float>("nan", {}, {NAN});
    model.node("Clip", inputs, {"y"}).name("clip");
    return model;
  };
  CHECK(clamp(with_bounds({"x", "low", "high"})) == Clamp{-2, 3});
  CHECK(clamp(with_bounds({"x", "", "high"})) == Clamp{-INFINITY, 3});
  CHECK(clamp(with_bounds({"x"})) == Clamp{});
  CHECK_THAT(refusal(with_bounds({"x", "moving"})), Contains("input 1 ('moving'): must be a constant with one f32"));
  CHECK_THAT(refusal(with_bounds({"x", "two"})), Contains("must be a constant with one f32"));
  CHECK_THAT(refusal(with_bounds({"x", "high", "low"})), Contains("bounds 3 and -2: the first must not exceed"));
  CHECK_THAT(refusal(with_bounds({"x", "nan"})), Contains("must not exceed"));
}

TEST_CASE("BatchNormalization: inference only") {
  const auto norm = [](int opset, std::int64_t channels, auto attributes) {
    OnnxBuilder model(opset);
    model.input("x", {2, 3, 4, 4}).output("y");
    for (const char* name : {"s", "b", "m", "v"}) {
      model.initializer(name, {channels}, std::vector<float>(static_cast<std::size_t>(channels), 1));
    }
    auto node = model.node("BatchNormalization", {"x", "s", "b", "m", "v"}, {"y"}).name("bn");
    attributes(node);
    return model;
  };
  const Graph graph = imported(norm(9, 3, [](auto& n) { n.set("epsilon", 0.25F); }));
  CHECK(shape_named(graph, "y") == "[2,3,4,4]");
  CHECK(graph.nodes.at(0).as<BatchNormAttrs>().epsilon == 0.25F);
  CHECK_THAT(refusal(norm(15, 3, [](auto& n) { n.set("training_mode", 1); })), Contains("'training_mode' = 1"));
  CHECK_THAT(refusal(norm(7, 3, [](auto& n) { n.set("spatial", 0); })), Contains("'spatial' = 0"));
  CHECK_THAT(refusal(norm(9, 3, [](auto& n) { n.set("epsilon", NAN); })), Contains("epsilon nan"));
  CHECK_THAT(refusal(norm(9, 4, [](auto&) {})),
             Contains("node 'bn' (BatchNorm): the scale has shape [4]: must be [3]"));
}
