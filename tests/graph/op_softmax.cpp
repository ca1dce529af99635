// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

namespace {

OnnxBuilder softmax(int opset, const Dims& x) {
  OnnxBuilder model(opset);
  model.input("x", x).output("y");
  model.node("Softmax", {"x"}, {"y"}).name("p");
  return model;
}

OnnxBuilder softmax(int opset, const Dims& x, int axis) {
  OnnxBuilder model = softmax(opset, x);
  OnnxNodeBuilder(*model.graph().mutable_node(0)).set("axis", axis);
  return model;
}

}  // namespace

TEST_CASE("Softmax since opset 13 runs along one axis") {
  CHECK(imported(softmax(13, {2, 3, 4})).nodes.at(0).as<SoftmaxAttrs>().axis == 2);
  CHECK(imported(softmax(13, {2, 3, 4}, 1)).nodes.at(0).as<SoftmaxAttrs>().axis == 1);
  CHECK(imported(softmax(13, {2, 3, 4}, -3)).nodes.at(0).as<SoftmaxAttrs>().axis == 0);
  CHECK_THAT(refusal(softmax(13, {2, 3}, 2)), Contains("axis 2: must be in [-2, 2)"));
}

TEST_CASE("Softmax before opset 13 runs over all axes from the given one") {
  CHECK(ops_of(imported(softmax(11, {2, 3}))) == "Softmax");
  CHECK(ops_of(imported(softmax(11, {2, 3, 4}, -1))) == "Softmax");
  CHECK(ops_of(imported(softmax(11, {-1, 3, 1, 1}))) == "Softmax");

  const Graph graph = imported(softmax(11, {-1, 3, 4}));
  CHECK(ops_of(graph) == "Reshape Softmax Reshape");
  CHECK(shape_named(graph, "p/flat") == "[?,12]");
  CHECK(shape_named(graph, "y") == "[?,3,4]");
  CHECK(graph.nodes[1].as<SoftmaxAttrs>().axis == 1);

  CHECK(ops_of(imported(softmax(11, {-1, -1, 4}))) == "Reshape Softmax Shape Reshape");
  CHECK_THAT(refusal(softmax(11, {2, 3}, 2)), Contains("axis 2: must be in [-2, 2) for rank 2"));
}
