// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/equalize.h"

#include <octet/session.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "graph/quantize/channel_scales.h"
#include "runtime/model_impl.h"
#include "tests/quantize/graphs.h"

using namespace octet;
using test::GraphBuilder;
using test::kRelu;

namespace {

constexpr graph::Clamp kRelu6{0.0F, 6.0F};

// Some channels 300 times as large as others.
void make_uneven(graph::Graph& graph, graph::Node& node) {
  std::vector<double> factors(static_cast<std::size_t>(graph::WeightLayout(graph, node).outputs));
  for (std::size_t c = 0; c < factors.size(); ++c) factors[c] = c % 3 == 0 ? 30 : 0.1;
  graph::scale_outputs(graph, node, factors);
}

std::vector<float> outputs_of(const graph::Graph& graph, float scale = 1) {
  auto session = Session::create(runtime::make_model(graph, nullptr)).value();
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, scale);
  for (float& x : session.input<float>()) x = normal(random);
  session.run();
  const auto y = session.output<float>();
  return {y.begin(), y.end()};
}

void check_same(const std::vector<float>& a, const std::vector<float>& b) {
  REQUIRE(a.size() == b.size());
  float largest = 0;
  for (float x : a) largest = std::max(largest, std::abs(x));
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(std::abs(a[i] - b[i]) <= 1e-5F * largest);
}

}  // namespace

TEST_CASE("equalized layers compute what they did, and reach equally far on both sides") {
  GraphBuilder builder;
  auto x = builder.conv("a", builder.input("x", {1, 3, 8, 8}), 3, 9, 3, 1, kRelu);
  x = builder.conv("depthwise", x, 9, 9, 3, 9, kRelu);
  x = builder.unary("leaky", graph::UnaryFn::leaky_relu, builder.conv("b", x, 9, 6, 1));
  graph::Graph graph = builder.finish({builder.conv("c", builder.max_pool("pool", x), 6, 4)});
  for (graph::Node& node : graph.nodes) {
    if (node.op == graph::Op::Conv2d && node.name != "c") make_uneven(graph, node);
  }
  const std::vector<float> before = outputs_of(graph);
  REQUIRE(graph::equal_pairs(graph).size() == 3);
  CHECK(graph::equalize(graph, {}) == 3);
  check_same(before, outputs_of(graph));
  for (const graph::EqualPair& pair : graph::equal_pairs(graph)) {
    const auto out = graph::output_reach(graph, graph.nodes[pair.first]);
    const auto in = graph::input_reach(graph, graph.nodes[pair.second]);
    for (std::size_t c = 0; c < out.size(); ++c) CHECK(std::abs(out[c] / in[c] - 1) < 0.01F);
  }
}

TEST_CASE("channels of grouped convolutions are joined group by group") {
  GraphBuilder builder;
  const auto x = builder.conv("a", builder.input("x", {1, 2, 5, 5}), 2, 6, 1, 1, kRelu);
  graph::Graph graph = builder.finish({builder.conv("grouped", x, 6, 4, 3, 2)});
  make_uneven(graph, graph.nodes[0]);
  const std::vector<float> before = outputs_of(graph);
  CHECK(graph::equalize(graph, {}) == 1);
  check_same(before, outputs_of(graph));
}

TEST_CASE("behind an upper bound only channels that do not reach it are scaled, and none is made to") {
  GraphBuilder builder;
  const auto x = builder.conv("a", builder.input("x", {1, 1, 1, 1}), 1, 3, 1, 1, kRelu6);
  graph::Graph graph = builder.finish({builder.conv("b", x, 3, 2, 1)});
  const auto weights = [&](std::size_t node) {
    const auto w = graph.input(graph.nodes[node], 1).as<float>();
    return std::vector<float>(w.begin(), w.end());
  };
  graph::scale_outputs(graph, graph.nodes[0], std::vector<double>{0.01, 0.01, 0.01});
  const std::vector<float> a = weights(0), before = outputs_of(graph, 0.1F);
  CHECK(graph::equalize(graph, {{0, {6.0F, 3.0F, 0.001F}}}) == 1);
  const std::vector<float> equal = weights(0);
  CHECK(equal[0] == a[0]);                        // it reaches 6
  CHECK(std::abs(equal[1] / a[1] - 2) < 1e-4F);  // 3 may become 6
  CHECK(equal[2] / a[2] > 2.0F);                  // all it wants
  check_same(before, outputs_of(graph, 0.1F));
  graph::Graph unknown = graph;
  graph::equalize(unknown, {});  // without peaks each channel might reach it
  check_same(outputs_of(graph), outputs_of(unknown));
}

TEST_CASE("no factor passes a sigmoid, a lower bound, a second reader or an output of the model") {
  const auto pairs_with = [](auto between) {
    GraphBuilder builder;
    const auto a = builder.conv("a", builder.input("x", {1, 2, 4, 4}), 2, 3, 1);
    std::vector<graph::ValueId> outputs;
    const auto x = between(builder, a, outputs);
    outputs.push_back(builder.conv("b", x, 3, 2, 1));
    return graph::equal_pairs(builder.finish(outputs)).size();
  };
  using Outputs = std::vector<graph::ValueId>;
  CHECK(pairs_with([](GraphBuilder&, graph::ValueId a, Outputs&) { return a; }) == 1);
  CHECK(pairs_with(
            [](GraphBuilder& b, graph::ValueId a, Outputs&) { return b.unary("s", graph::UnaryFn::sigmoid, a); }) == 0);
  CHECK(pairs_with([](GraphBuilder& b, graph::ValueId a, Outputs&) {
          graph::UnaryAttrs clip{graph::UnaryFn::clip, 0, 0, {-1.0F, 1.0F}};
          return b.node("clip", graph::Op::Unary, {a}, clip);
        }) == 0);
  CHECK(pairs_with([](GraphBuilder&, graph::ValueId a, Outputs& outputs) {
          outputs.push_back(a);
          return a;
        }) == 0);
  CHECK(pairs_with([](GraphBuilder& b, graph::ValueId a, Outputs&) {
          return b.binary("sum", graph::BinaryFn::add, b.unary("r", graph::UnaryFn::relu, a), a);
        }) == 0);
}

TEST_CASE("dead channels and constants with two readers stay as they are") {
  GraphBuilder builder;
  const auto input = builder.input("x", {1, 2, 4, 4});
  const auto shared = builder.random("w", {2, 2, 1, 1});
  auto x = builder.node("a", graph::Op::Conv2d, {input, shared}, graph::Conv2dAttrs{});
  x = builder.node("b", graph::Op::Conv2d, {x, shared}, graph::Conv2dAttrs{});
  graph::Graph graph = builder.finish({builder.node("c", graph::Op::Conv2d, {x, shared}, graph::Conv2dAttrs{})});
  make_uneven(graph, graph.nodes[0]);
  const std::vector<float> before = outputs_of(graph);
  graph::equalize(graph, {});
  check_same(before, outputs_of(graph));
  graph::scale_outputs(graph, graph.nodes[0], std::vector<double>{0, 1});
  graph::equalize(graph, {});
  for (float y : outputs_of(graph)) CHECK(std::isfinite(y));
}
