// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

namespace {

// (?, 2, ?, ?) -> Conv2d -> Reshape to (batch, -1) with the batch taken from Shape.
Builder network() {
  Builder b;
  const ValueId x = b.input("x", {-1, 2, -1, -1});
  const ValueId y = b.conv("conv", x, b.random("w", {3, 2, 3, 3}), kNone, 1);
  const ValueId shape = b.op(Op::Shape, "shape", {y});
  const ValueId batch = b.op(Op::Gather, "batch", {shape, b.integers("zero", {0})}, GatherAttrs{0});
  const ValueId target = b.op(Op::Concat, "target", {batch, b.integers("rest", {-1})}, ConcatAttrs{0});
  b.output(b.op(Op::Reshape, "flat", {y, target}, ReshapeAttrs{}));
  return b;
}

}  // namespace

TEST_CASE("given sizes reach every value, and shape arithmetic folds away") {
  Builder b = network();
  REQUIRE(bind_shapes(b.graph, {{"x", {2, 2, 5, 7}}}).ok());
  CHECK(ops_of(b.graph) == "Conv2d Reshape");
  CHECK(b.graph[b.graph.outputs[0]].shape == Shape{2, 105});
}

TEST_CASE("what stays unknown becomes 1, and binding again starts from the model") {
  const Builder b = network();
  Graph first = b.graph, second = b.graph;
  REQUIRE(bind_shapes(first, {}).ok());
  CHECK(first[first.outputs[0]].shape == Shape{1, 3});
  REQUIRE(bind_shapes(second, {{"x", {4, 2, 8, 8}}}).ok());
  CHECK(second[second.outputs[0]].shape == Shape{4, 192});
}

TEST_CASE("shapes that do not fit are refused in one sentence") {
  struct Case {
    const char* name;
    Shape shape;
    const char* message;
  };
  for (const Case& wrong :
       {Case{"y", {1, 2, 3, 3}, "no input is named 'y': there is 'x'"}, Case{"x", {1, 2, 3}, "its rank is 4"},
        Case{"x", {1, 3, 5, 5}, "the model says [?,2,?,?]"}, Case{"x", {1, 2, -1, 5}, "every size must be known"},
        Case{"x", {1 << 30, 2, 1 << 30, 1 << 30}, "too many elements"}}) {
    Builder b = network();
    const Status status = bind_shapes(b.graph, {{wrong.name, wrong.shape}});
    REQUIRE_FALSE(status.ok());
    INFO(status.message());
    CHECK(status.message().find(wrong.message) != std::string::npos);
  }
}

TEST_CASE("an input of unknown rank needs a shape") {
  Builder b;
  const ValueId x = b.input("x", {});
  b.graph[x].shape_known = false;
  b.output(b.relu(x));
  Graph unbound = b.graph;
  CHECK_FALSE(bind_shapes(unbound, {}).ok());
  REQUIRE(bind_shapes(b.graph, {{"x", {3, 4}}}).ok());
  CHECK(b.graph[b.graph.outputs[0]].shape == Shape{3, 4});
}

TEST_CASE("a shape that depends on data is an error that names the value") {
  Builder b;
  const ValueId x = b.input("x", {4, 4}), target = b.input("target", {2});
  b.graph[target].dtype = DType::s64;
  b.output(b.op(Op::Reshape, "free", {x, target}, ReshapeAttrs{}));
  const Status status = bind_shapes(b.graph, {});
  REQUIRE_FALSE(status.ok());
  CHECK(status.message().find("'free'") != std::string::npos);
}
