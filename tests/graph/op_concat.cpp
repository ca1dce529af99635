// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

TEST_CASE("Concat adds sizes along its axis and joins what is known of the others") {
  NodeBuilder b;
  const ValueId y = b.add("Concat", {b.input({2, 3, -1}), b.input({-1, 4, 5})}, {{"axis", attribute(-2L)}});
  CHECK(b.shape(y) == Shape{2, 7, 5});
  CHECK(b.graph.nodes.back().as<ConcatAttrs>().axis == 1);
  CHECK(b.shape(b.add("Concat", {b.input({2, -1}), b.input({2, 4})}, {{"axis", attribute(1L)}})) == Shape{2, -1});
  CHECK_FALSE(b[b.add("Concat", {b.input({2}), b.unranked()}, {{"axis", attribute(0L)}})].shape_known);
}

TEST_CASE("Concat of one input is another name for it") {
  NodeBuilder b;
  const ValueId x = b.input({2});
  CHECK(b.add("Concat", {x}, {{"axis", attribute(0L)}}) == x);
  CHECK(b.graph.nodes.empty());
}

TEST_CASE("Concat refuses what does not fit together") {
  NodeBuilder b;
  const ValueId x = b.input({2, 3});
  const NodeBuilder::Attributes axis0{{"axis", attribute(0L)}};
  CHECK_THAT(b.error("Concat", {x, b.input({2, 4})}, axis0),
             Contains("node 'n' (Concat)") && Contains("size 4 at axis 1"));
  CHECK_THAT(b.error("Concat", {x, b.input({2})}, axis0), Contains("rank 1: must be 2"));
  CHECK_THAT(b.error("Concat", {x, b.input({2, 3}, DType::s64)}, axis0), Contains("is s64: must be f32"));
  CHECK_THAT(b.error("Concat", {x, x}, {{"axis", attribute(2L)}}), Contains("axis 2: must be in [-2, 2)"));
  CHECK_THAT(b.error("Concat", {x, x}), Contains("'axis' is missing"));
  CHECK_FALSE(b.error("Concat", {}, axis0).empty());
  CHECK_FALSE(b.error("Concat", {x, kNone}, axis0).empty());
  const ValueId huge = b.input({std::int64_t{1} << 62});
  CHECK_FALSE(b.error("Concat", {huge, huge}, axis0).empty());
}

TEST_CASE("Concat folds along any axis and element size") {
  NodeBuilder b;
  const ValueId left = b.floats({2, 2}, {1, 2, 3, 4}), right = b.floats({2, 1}, {5, 6});
  const ValueId y = b.add("Concat", {left, right}, {{"axis", attribute(1L)}});
  REQUIRE(b.fold_last());
  CHECK(b.elements<float>(y) == std::vector<float>{1, 2, 5, 3, 4, 6});
  const ValueId z = b.add("Concat", {b.integers({1, -1}), b.integers({}), b.integers({7})}, {{"axis", attribute(0L)}});
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::int64_t>(z) == std::vector<std::int64_t>{1, -1, 7});
}

TEST_CASE("Concat folds codes only where they mean the same") {
  NodeBuilder b;
  const auto codes = [&](float scale) {
    const ValueId id = b.constant<std::uint8_t>(DType::u8, {2}, {1, 2});
    b.graph[id].quant = {{scale}, {3}, -1};
    return id;
  };
  const ValueId y = b.add("Concat", {codes(0.5F), codes(0.5F)}, {{"axis", attribute(0L)}});
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::uint8_t>(y) == std::vector<std::uint8_t>{1, 2, 1, 2});
  CHECK(b[y].quant == Quant{{0.5F}, {3}, -1});
  b.add("Concat", {codes(0.5F), codes(0.25F)}, {{"axis", attribute(0L)}});
  CHECK_FALSE(b.fold_last());
}
