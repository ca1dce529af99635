// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

TEST_CASE("Gather puts the indices' shape in the place of its axis") {
  NodeBuilder b;
  const ValueId x = b.input({4, -1, 6});
  CHECK(b.shape(b.add("Gather", {x, b.scalar(0)}, {{"axis", attribute(1L)}})) == Shape{4, 6});
  CHECK(b.shape(b.add("Gather", {x, b.input({2, -1}, DType::s32)}, {{"axis", attribute(-1L)}})) == Shape{4, -1, 2, -1});
  CHECK(b.graph.nodes.back().as<GatherAttrs>().axis == 2);
  CHECK_FALSE(b[b.add("Gather", {b.unranked(), b.scalar(0)})].shape_known);
  CHECK_FALSE(b[b.add("Gather", {x, b.unranked(DType::s64)})].shape_known);
}

TEST_CASE("Gather refuses indices beyond the ends and other types") {
  NodeBuilder b;
  const ValueId x = b.input({4, 2});
  CHECK(b.error("Gather", {x, b.integers({3, -4})}).empty());
  CHECK_THAT(b.error("Gather", {x, b.integers({0, 4})}), Contains("index 4: must be in [-4, 4)"));
  CHECK_THAT(b.error("Gather", {x, b.scalar(-5)}), Contains("index -5"));
  CHECK_FALSE(b.error("Gather", {x, b.scalar(INT64_MIN)}).empty());
  CHECK_THAT(b.error("Gather", {x, b.floats({1}, {0})}), Contains("indices are f32"));
  CHECK_THAT(b.error("Gather", {x, b.scalar(0)}, {{"axis", attribute(2L)}}), Contains("axis 2"));
  CHECK_THAT(b.error("Gather", {b.scalar(1), b.scalar(0)}), Contains("axis 0: must be in [0, 0)"));
  CHECK_THAT(b.error("Gather", {b.input({1, 1, 1, 1}), b.input({1, 1, 1, 1}, DType::s64)}), Contains("rank 7"));
  CHECK_FALSE(b.error("Gather", {b.input({0}), b.scalar(0)}).empty());
}

TEST_CASE("Gather folds, from the end too") {
  NodeBuilder b;
  const ValueId x = b.floats({2, 3}, {1, 2, 3, 4, 5, 6});
  const ValueId columns = b.add("Gather", {x, b.integers({-1, 0})}, {{"axis", attribute(1L)}});
  REQUIRE(b.fold_last());
  CHECK(b.elements<float>(columns) == std::vector<float>{3, 1, 6, 4});
  const ValueId row = b.add("Gather", {x, b.constant<std::int32_t>(DType::s32, {}, {1})});
  REQUIRE(b.fold_last());
  CHECK(b[row].shape == Shape{3});
  CHECK(b.elements<float>(row) == std::vector<float>{4, 5, 6});
}
