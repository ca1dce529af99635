// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

namespace {

using Integers = std::vector<std::int64_t>;

// Slice of 0, 1, ..., size - 1 along its only axis, folded.
Integers sliced(std::int64_t size, std::int64_t start, std::int64_t end, std::int64_t step) {
  NodeBuilder b;
  Integers numbers;
  for (std::int64_t i = 0; i < size; ++i) numbers.push_back(i);
  const ValueId y = b.add(
      "Slice", {b.integers(numbers), b.integers({start}), b.integers({end}), b.integers({0}), b.integers({step})});
  REQUIRE(b.fold_last());
  return b.elements<std::int64_t>(y);
}

}  // namespace

TEST_CASE("Slice cuts at the ends and counts from the back as ONNX says") {
  CHECK(sliced(5, 1, 3, 1) == Integers{1, 2});
  CHECK(sliced(5, -3, -1, 1) == Integers{2, 3});
  CHECK(sliced(5, 0, INT64_MAX, 2) == Integers{0, 2, 4});
  CHECK(sliced(5, -100, 100, 3) == Integers{0, 3});
  CHECK(sliced(5, 4, 1, 1).empty());
  CHECK(sliced(5, 5, 9, 1).empty());
  CHECK(sliced(5, -1, INT64_MIN, -1) == Integers{4, 3, 2, 1, 0});
  CHECK(sliced(5, 100, -100, -2) == Integers{4, 2, 0});
  CHECK(sliced(5, 3, 0, -1) == Integers{3, 2, 1});
  CHECK(sliced(5, 0, -1, -1).empty());
  CHECK(sliced(5, 4, INT64_MIN, INT64_MIN) == Integers{4});
  CHECK(sliced(5, 1, INT64_MAX, INT64_MAX) == Integers{1});
  CHECK(sliced(5, INT64_MIN, INT64_MIN, 1).empty());
  CHECK(sliced(0, 0, 5, 1).empty());
  CHECK(sliced(0, -1, INT64_MIN, -1).empty());
}

TEST_CASE("Slice resolves to one entry per axis and drops its inputs") {
  NodeBuilder b;
  const ValueId y = b.add("Slice", {b.input({-1, 8, 9}), b.integers({1, -1}), b.integers({7, INT64_MIN}),
                                    b.integers({1, -1}), b.integers({2, -4})});
  CHECK(b.shape(y) == Shape{-1, 3, 3});
  Node& node = b.graph.nodes.back();
  CHECK(node.inputs.size() == 1);
  CHECK(node.as<SliceAttrs>().start == Integers{0, 1, 8});
  CHECK(node.as<SliceAttrs>().step == Integers{1, 2, -4});
  CHECK(node.as<SliceAttrs>().count == Integers{-1, 3, 3});
  b.graph[node.inputs[0]].shape = {5, 8, 9};  // the batch is bound
  REQUIRE(infer_node(b.graph, node));
  CHECK(b.shape(y) == Shape{5, 3, 3});
  b.graph[node.inputs[0]].shape = {5, 8, 4};
  CHECK_FALSE(infer_node(b.graph, node));
}

TEST_CASE("Slice with attributes, before opset 10") {
  NodeBuilder b;
  b.opset = 9;
  const ValueId y = b.add("Slice", {b.input({4, 5, 6})},
                          {{"starts", attribute(Integers{1, 0})}, {"ends", attribute(Integers{-1, 100})}});
  CHECK(b.shape(y) == Shape{2, 5, 6});
  CHECK(b.shape(b.add("Slice", {b.input({4, 5, 6})},
                      {{"starts", attribute(Integers{2})},
                       {"ends", attribute(Integers{3})},
                       {"axes", attribute(Integers{-1})}})) == Shape{4, 5, 1});
  CHECK_THAT(b.error("Slice", {b.input({4})}), Contains("must be given"));
}

TEST_CASE("Slice along an axis of unknown size waits, unless it takes all of it") {
  NodeBuilder b;
  const ValueId x = b.input({-1, 8});
  const ValueId y = b.add("Slice", {x, b.integers({1}), b.integers({3}), b.integers({0})});
  CHECK(b.shape(y) == Shape{-1, 8});
  CHECK(b.graph.nodes.back().inputs.size() == 4);
  b.graph[x].shape = {2, 8};
  REQUIRE(infer_shapes(b.graph));
  CHECK(b.shape(y) == Shape{1, 8});
  CHECK(b.graph.nodes.back().inputs.size() == 1);

  b.add("Slice", {b.input({-1, 8}), b.integers({0, 2}), b.integers({INT64_MAX, 4})});
  CHECK(b.graph.nodes.back().inputs.size() == 1);
}

TEST_CASE("Slice with inputs that are not constant yet") {
  NodeBuilder b;
  const ValueId x = b.input({4, 5}), vague = b.input({1}, DType::s64);
  CHECK(b.shape(b.add("Slice", {x, vague, b.integers({3}), b.integers({1})})) == Shape{4, -1});
  CHECK(b.shape(b.add("Slice", {x, vague, vague})) == Shape{-1, -1});
  CHECK(b.shape(b.add("Slice", {x, b.integers({0}), b.integers({3}), vague})) == Shape{-1, -1});
  CHECK(b.shape(b.add("Slice", {x, b.integers({0}), b.integers({3}), b.integers({0}), vague})) == Shape{-1, 5});
  CHECK_FALSE(b[b.add("Slice", {b.unranked(), b.integers({0}), b.integers({1})})].shape_known);
}

TEST_CASE("Slice refuses contradictions") {
  NodeBuilder b;
  const ValueId x = b.input({4, 5});
  CHECK_THAT(b.error("Slice", {x, b.integers({0}), b.integers({1, 2})}), Contains("must be equally many"));
  CHECK_THAT(b.error("Slice", {x, b.integers({0}), b.integers({1}), b.integers({0}), b.integers({0})}),
             Contains("node 'n' (Slice): step 0"));
  CHECK_THAT(b.error("Slice", {x, b.integers({0, 0}), b.integers({1, 1}), b.integers({1, -1})}),
             Contains("named twice"));
  CHECK_THAT(b.error("Slice", {x, b.integers({0, 0, 0}), b.integers({1, 1, 1})}), Contains("axis 2"));
  CHECK_THAT(b.error("Slice", {x, b.floats({1}, {0}), b.integers({1})}), Contains("must be a vector of s64 or s32"));
}

TEST_CASE("Slice folds two axes at once, one of them backwards") {
  NodeBuilder b;
  const ValueId x = b.constant<std::uint8_t>(DType::u8, {2, 3}, {1, 2, 3, 4, 5, 6});
  b.graph[x].quant = {{0.5F}, {9}, -1};
  const ValueId y =
      b.add("Slice", {x, b.integers({-1, 1}), b.integers({INT64_MIN, 3}), b.integers({0, 1}), b.integers({-1, 1})});
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::uint8_t>(y) == std::vector<std::uint8_t>{5, 6, 2, 3});
  CHECK(b[y].quant == b[x].quant);
}
