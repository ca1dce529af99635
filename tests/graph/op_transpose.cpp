// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

namespace {
OnnxAttribute perm(std::vector<std::int64_t> axes) { return attribute(std::move(axes)); }
}  // namespace

TEST_CASE("Transpose permutes sizes, by default all of them") {
  NodeBuilder b;
  CHECK(b.shape(b.add("Transpose", {b.input({-1, 3, 4, 5})}, {{"perm", perm({0, 2, 3, 1})}})) == Shape{-1, 4, 5, 3});
  CHECK(b.shape(b.add("Transpose", {b.input({2, 3, 4})})) == Shape{4, 3, 2});
  CHECK(b.graph.nodes.back().as<TransposeAttrs>().perm == std::vector<std::int64_t>{2, 1, 0});
  CHECK_FALSE(b[b.add("Transpose", {b.unranked()})].shape_known);
}

TEST_CASE("Transpose refuses what is no permutation") {
  NodeBuilder b;
  const ValueId x = b.input({2, 3});
  CHECK_THAT(b.error("Transpose", {x}, {{"perm", perm({0, 0})}}), Contains("axis 0 is named twice"));
  CHECK_THAT(b.error("Transpose", {x}, {{"perm", perm({0, 2})}}), Contains("axis 2"));
  CHECK_THAT(b.error("Transpose", {x}, {{"perm", perm({0, 1, 2})}}), Contains("must be 2, the rank"));
  CHECK_THAT(b.error("Transpose", {x}, {{"perm", perm(std::vector<std::int64_t>(100, 0))}}), Contains("100 axes"));
}

TEST_CASE("Transpose folds and carries per-channel parameters along") {
  NodeBuilder b;
  const ValueId x = b.constant<std::int8_t>(DType::s8, {2, 1, 3}, {1, 2, 3, 4, 5, 6});
  b.graph[x].quant = {{1, 2, 3}, {0, 0, 0}, 2};
  const ValueId y = b.add("Transpose", {x}, {{"perm", perm({2, 0, 1})}});
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::int8_t>(y) == std::vector<std::int8_t>{1, 4, 2, 5, 3, 6});
  CHECK(b[y].quant.axis == 0);
  CHECK(b[y].quant.scale == b[x].quant.scale);
  const ValueId z = b.add("Transpose", {b.integers({7})});
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::int64_t>(z) == std::vector<std::int64_t>{7});
}

TEST_CASE("An empty constant of an enormous other size folds at once") {
  NodeBuilder b;
  const ValueId x = b.floats({std::int64_t{1} << 30, 0}, {});
  b.add("Transpose", {x});
  CHECK(b.fold_last());
}
