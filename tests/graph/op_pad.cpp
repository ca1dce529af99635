// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

namespace {
using Integers = std::vector<std::int64_t>;
}

TEST_CASE("Pad with pads as input resolves and drops its inputs") {
  NodeBuilder b;
  const ValueId value = b.floats({}, {1.5F});
  const ValueId y = b.add("Pad", {b.input({-1, 3, 4}), b.integers({0, 1, 2, 0, 3, 4}), value});
  CHECK(b.shape(y) == Shape{-1, 7, 10});
  const Node& node = b.graph.nodes.back();
  CHECK(node.inputs.size() == 1);
  CHECK(node.as<PadAttrs>().begin == Integers{0, 1, 2});
  CHECK(node.as<PadAttrs>().end == Integers{0, 3, 4});
  CHECK(node.as<PadAttrs>().value == 1.5F);
}

TEST_CASE("Pad with axes (opset 18), and with attributes (before opset 11)") {
  NodeBuilder b;
  b.opset = 18;
  CHECK(b.shape(b.add("Pad", {b.input({2, 3, 4}), b.integers({1, 2, 3, 4}), kNone, b.integers({-1, 0})})) ==
        Shape{8, 3, 8});
  CHECK(b.graph.nodes.back().as<PadAttrs>().begin == Integers{2, 0, 1});
  b.opset = 10;
  const ValueId y =
      b.add("Pad", {b.input({2, 3})}, {{"pads", attribute(Integers{1, 0, 0, 5})}, {"value", attribute(-2.0F)}});
  CHECK(b.shape(y) == Shape{3, 8});
  CHECK(b.graph.nodes.back().as<PadAttrs>().value == -2.0F);
}

TEST_CASE("Pad waits for pads that are not constant yet") {
  NodeBuilder b;
  CHECK(b.shape(b.add("Pad", {b.input({2, 3}), b.input({4}, DType::s64)})) == Shape{-1, -1});
  CHECK(b.shape(b.add("Pad", {b.input({2}), b.integers({1, 1}), b.input({})})) == Shape{-1});
  CHECK_FALSE(b[b.add("Pad", {b.unranked(), b.integers({1, 1})})].shape_known);
}

TEST_CASE("Pad refuses other modes and impossible pads") {
  NodeBuilder b;
  const ValueId x = b.input({2, 3});
  CHECK_THAT(b.error("Pad", {x, b.integers({0, 0, 0, 0})}, {{"mode", attribute("mirror")}}),
             Contains("'mode' = mirror"));
  CHECK_THAT(b.error("Pad", {x, b.integers({0, -4, 0, 0})}, {{"mode", attribute("edge")}}),
             Contains("pads -4 and 0 at axis 1 of size 3"));
  CHECK_THAT(b.error("Pad", {x, b.integers({0, 0, 0})}), Contains("3 pads for 2 axes"));
  CHECK_THAT(b.error("Pad", {x, b.integers({0, -2, 0, -2})}), Contains("cut more than its size 3"));
  CHECK_THAT(b.error("Pad", {x, b.integers({0, INT64_MAX, 0, INT64_MAX})}), Contains("within 2^40"));
  CHECK_THAT(b.error("Pad", {x, b.integers({0, INT64_MIN, 0, 0})}), Contains("within 2^40"));
  CHECK_FALSE(b.error("Pad", {x, b.integers({0, 0, 0, 0}), b.floats({2}, {0, 0})}).empty());
  CHECK_FALSE(b.error("Pad", {x, b.integers({0, 0, 0, 0}), b.scalar((std::int64_t{1} << 53) + 1)}).empty());
  b.opset = 10;
  CHECK_THAT(b.error("Pad", {x}, {{"pads", attribute(Integers{1, 1, 1})}}), Contains("two per axis"));
  CHECK_THAT(b.error("Pad", {x}, {{"pads", attribute(Integers{1, 1})}}), Contains("must be for 2"));
}

TEST_CASE("Pad folds numbers, codes and cuts") {
  NodeBuilder b;
  const ValueId y = b.add("Pad", {b.floats({2, 2}, {1, 2, 3, 4}), b.integers({0, 1, 1, -1}), b.floats({1}, {9})});
  REQUIRE(b.fold_last());
  CHECK(b.elements<float>(y) == std::vector<float>{9, 1, 9, 3, 9, 9});
  const ValueId z = b.add("Pad", {b.integers({5, 6, 7}), b.integers({-2, 2})});
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::int64_t>(z) == Integers{7, 0, 0});
  const ValueId gone = b.add("Pad", {b.integers({5, 6}), b.integers({-3, 3}), b.scalar(-4)});
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::int64_t>(gone) == Integers{-4, -4});

  const ValueId codes = b.constant<std::uint8_t>(DType::u8, {1}, {200});
  b.graph[codes].quant = {{0.1F}, {128}, -1};
  const ValueId padded = b.add("Pad", {codes, b.integers({1, 1})});
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::uint8_t>(padded) == std::vector<std::uint8_t>{128, 200, 128});
  b.add("Pad", {codes, b.integers({1, 1}), b.floats({}, {1})});
  CHECK_FALSE(b.fold_last());
}
