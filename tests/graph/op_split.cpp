// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

namespace {
using Integers = std::vector<std::int64_t>;
}

TEST_CASE("Split into equal parts, and into parts with a smaller last one") {
  NodeBuilder b;
  b.add("Split", {b.input({-1, 6})}, {{"axis", attribute(-1L)}}, 3);
  for (ValueId id : b.outputs) CHECK(b.shape(id) == Shape{-1, 2});
  CHECK(b.graph.nodes.back().as<SplitAttrs>().sizes == Integers{2, 2, 2});
  b.add("Split", {b.input({7})}, {{"num_outputs", attribute(3L)}}, 3);
  CHECK(b.graph.nodes.back().as<SplitAttrs>().sizes == Integers{3, 3, 1});
}

TEST_CASE("Split with sizes as attribute and as input") {
  NodeBuilder b;
  b.add("Split", {b.input({6, -1})}, {{"split", attribute(Integers{1, 5})}}, 2);
  CHECK(b.shape(b.outputs[0]) == Shape{1, -1});
  CHECK(b.shape(b.outputs[1]) == Shape{5, -1});
  b.add("Split", {b.input({-1}), b.integers({4, 0})}, {}, 2);
  CHECK(b.shape(b.outputs[0]) == Shape{4});
  CHECK(b.shape(b.outputs[1]) == Shape{0});
  CHECK(b.graph.nodes.back().inputs.size() == 1);
}

TEST_CASE("Split of what is unknown") {
  NodeBuilder b;
  b.add("Split", {b.input({-1, 4})}, {}, 2);
  CHECK(b.shape(b.outputs[0]) == Shape{-1, 4});
  b.add("Split", {b.input({6, 4}), b.input({2}, DType::s64)}, {}, 2);
  CHECK(b.shape(b.outputs[1]) == Shape{-1, 4});
  b.add("Split", {b.unranked()}, {}, 2);
  CHECK_FALSE(b[b.outputs[1]].shape_known);
}

TEST_CASE("Split refuses sizes that do not add up") {
  NodeBuilder b;
  const ValueId x = b.input({6});
  CHECK_THAT(b.error("Split", {x, b.integers({4, 3})}, {}, 2), Contains("add up to 7: must be 6"));
  CHECK_THAT(b.error("Split", {x, b.integers({6})}, {}, 2), Contains("1 sizes for 2 outputs"));
  CHECK_THAT(b.error("Split", {x, b.integers({-1, 7})}, {}, 2), Contains("part of size -1"));
  CHECK_THAT(b.error("Split", {x, b.integers({INT64_MAX, INT64_MAX})}, {}, 2), Contains("overflows"));
  CHECK_THAT(b.error("Split", {x}, {}, 5), Contains("exceed the axis"));
  CHECK_THAT(b.error("Split", {x}, {{"axis", attribute(1L)}}, 2), Contains("axis 1"));
  CHECK_THAT(b.error("Split", {x}, {{"num_outputs", attribute(3L)}}, 2), Contains("has 2 outputs"));
  CHECK_FALSE(b.error("Split", {x}, {}, 0).empty());
}

TEST_CASE("Split folds every output") {
  NodeBuilder b;
  const ValueId x = b.floats({2, 3}, {1, 2, 3, 4, 5, 6});
  b.add("Split", {x, b.integers({1, 2})}, {{"axis", attribute(1L)}}, 2);
  REQUIRE(b.fold_last());
  CHECK(b.elements<float>(b.outputs[0]) == std::vector<float>{1, 4});
  CHECK(b.elements<float>(b.outputs[1]) == std::vector<float>{2, 3, 5, 6});
}
