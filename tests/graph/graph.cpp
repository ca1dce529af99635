// SPDX-License-Identifier: Apache-2.0
// The graph itself: order, uses, names.
#include "graph/graph.h"

#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;
using Catch::Matchers::Contains;

namespace {

// Values 0..count-1 named v0, v1 ...; the first is the graph's input, the last its output.
Graph with_values(int count) {
  Graph graph;
  for (int i = 0; i < count; ++i) {
    Value value;
    value.name = std::to_string(i).insert(0, 1, 'v');
    graph.add_value(value);
  }
  graph.inputs = {0};
  graph.outputs = {count - 1};
  return graph;
}

void add_node(Graph& graph, const char* name, std::vector<ValueId> inputs, ValueId output) {
  Node node;
  node.name = name;
  node.op = Op::Unary;
  node.inputs = std::move(inputs);
  node.outputs = {output};
  graph.nodes.push_back(std::move(node));
}

std::string names(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) text += node.name;
  return text;
}

}  // namespace

TEST_CASE("sort_nodes changes no more than it must") {
  Graph graph = with_values(5);
  add_node(graph, "d", {3, kNone}, 4);
  add_node(graph, "b", {0}, 2);
  add_node(graph, "a", {0}, 1);
  add_node(graph, "c", {1, 2, 2}, 3);
  REQUIRE(sort_nodes(graph).ok());
  CHECK(names(graph) == "bacd");
  REQUIRE(sort_nodes(graph).ok());
  CHECK(names(graph) == "bacd");
}

TEST_CASE("sort_nodes names a node of the cycle, not one behind it") {
  Graph graph = with_values(5);
  add_node(graph, "behind", {2}, 4);
  add_node(graph, "p", {3}, 1);
  add_node(graph, "q", {1}, 2);
  add_node(graph, "r", {2, 0}, 3);
  const std::string message = sort_nodes(graph).message();
  CHECK_THAT(message, Contains("is part of a cycle"));
  CHECK_THAT(message, !Contains("behind"));
  CHECK(names(graph) == "behindpqr");

  Graph self = with_values(2);
  add_node(self, "s", {1}, 1);
  CHECK_THAT(sort_nodes(self).message(), Contains("node 's' is part of a cycle"));

  Graph dangling = with_values(3);
  add_node(dangling, "s", {1}, 2);
  CHECK_THAT(sort_nodes(dangling).message(), Contains("node 's' reads 'v1', which no node makes"));
}

TEST_CASE("uses count every read") {
  Graph graph = with_values(3);
  add_node(graph, "a", {0, 0, kNone}, 1);
  add_node(graph, "b", {1}, 2);
  const Uses uses(graph);
  CHECK(uses.consumers[0] == std::vector<std::int32_t>{0, 0});
  CHECK_FALSE(uses.only_one(0));
  CHECK(uses.only_one(1));
  CHECK(uses.producer == std::vector<std::int32_t>{-1, 0, 1});
}

TEST_CASE("replace_uses lets a graph output keep its name where it can") {
  Graph graph = with_values(3);
  add_node(graph, "a", {0}, 1);
  add_node(graph, "b", {1}, 2);
  replace_uses(graph, 2, 1);
  CHECK(graph.outputs == std::vector<ValueId>{1});
  CHECK(graph[1].name == "v2");
  replace_uses(graph, 1, 0);  // an input keeps its own
  CHECK(graph.outputs == std::vector<ValueId>{0});
  CHECK(graph[0].name == "v0");
  CHECK(graph.nodes[1].inputs[0] == 0);
}

TEST_CASE("constants hold a copy, aligned for any type") {
  const std::vector<std::int64_t> elements = {1, -2, 3};
  Graph graph;
  const ValueId id = graph.add_constant<std::int64_t>("c", DType::s64, {3}, elements);
  CHECK(graph[id].is_constant());
  CHECK(graph[id].as<std::int64_t>()[1] == -2);
  CHECK(reinterpret_cast<std::uintptr_t>(graph[id].data.get()) % alignof(std::max_align_t) == 0);
  CHECK(graph[graph.add_constant<float>("e", DType::f32, {0}, {})].is_constant());
}

TEST_CASE("shapes and types print") {
  CHECK(to_string(Shape{1, -1, 3}) == "[1,?,3]");
  CHECK(to_string(Shape{}) == "[]");
  CHECK(std::string(octet::name_of(DType::boolean)) == "bool");
  CHECK(std::string(name_of(Op::ConvTranspose2d)) == "ConvTranspose2d");
}
