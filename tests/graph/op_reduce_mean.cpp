// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

namespace {
using Integers = std::vector<std::int64_t>;
}

TEST_CASE("ReduceMean with axes as attribute and as input") {
  NodeBuilder b;
  const ValueId x = b.input({-1, 3, 4, 5});
  CHECK(b.shape(b.add("ReduceMean", {x}, {{"axes", attribute(Integers{-1, 2})}})) == Shape{-1, 3, 1, 1});
  CHECK(b.graph.nodes.back().as<ReduceMeanAttrs>().axes == Integers{2, 3});
  b.opset = 18;
  CHECK(b.shape(b.add("ReduceMean", {x, b.integers({3, 2})}, {{"keepdims", attribute(0L)}})) == Shape{-1, 3});
  CHECK(b.graph.nodes.back().inputs.size() == 1);
}

TEST_CASE("ReduceMean without axes reduces all of them, or none if asked to") {
  NodeBuilder b;
  b.opset = 18;
  const ValueId x = b.input({2, 3});
  CHECK(b.shape(b.add("ReduceMean", {x})) == Shape{1, 1});
  CHECK(b.shape(b.add("ReduceMean", {x, b.integers({})}, {{"keepdims", attribute(0L)}})) == Shape{});
  const NodeBuilder::Attributes noop{{"noop_with_empty_axes", attribute(1L)}};
  CHECK(b.add("ReduceMean", {x}, noop) == x);
  CHECK(b.add("ReduceMean", {x, b.integers({})}, noop) == x);
  CHECK(b.shape(b.add("ReduceMean", {x, b.integers({1})}, noop)) == Shape{2, 1});
}

TEST_CASE("ReduceMean of what is unknown") {
  NodeBuilder b;
  CHECK_FALSE(b[b.add("ReduceMean", {b.unranked()}, {{"axes", attribute(Integers{1})}})].shape_known);
  CHECK_FALSE(b[b.add("ReduceMean", {b.input({2}), b.input({1}, DType::s64)})].shape_known);
}

TEST_CASE("ReduceMean refuses axes that are not there") {
  NodeBuilder b;
  const ValueId x = b.input({2, 3});
  CHECK_THAT(b.error("ReduceMean", {x}, {{"axes", attribute(Integers{2})}}), Contains("axis 2: must be in [-2, 2)"));
  CHECK_THAT(b.error("ReduceMean", {x}, {{"axes", attribute(Integers{0, -2})}}), Contains("named twice"));
  CHECK_THAT(b.error("ReduceMean", {x}, {{"axes", attribute(Integers{INT64_MIN})}}), Contains("must be in"));
  CHECK_THAT(b.error("ReduceMean", {b.input({0, 2})}), Contains("no mean"));
}
