// SPDX-License-Identifier: Apache-2.0
#include "graph/constant.h"
#include "graph/passes/passes.h"
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;

namespace {

using Integers = std::vector<std::int64_t>;

// y = reshape(x, [shape(x)[0], -1]) as exporters write it.
struct FlattenChain : NodeBuilder {
  ValueId x, y;
  explicit FlattenChain(const Shape& shape) {
    x = input(shape);
    const ValueId batch = add("Gather", {add("Shape", {x}), scalar(0)});
    const ValueId target =
        add("Concat", {add("Unsqueeze", {batch, integers({0})}), integers({-1})}, {{"axis", attribute(0L)}});
    y = add("Reshape", {x, target});
    graph.outputs = {y};
  }
};

}  // namespace

TEST_CASE("A chain on an unknown batch survives, and folds once the batch is bound") {
  FlattenChain b({-1, 64, 7, 7});
  REQUIRE(fold_constants(b.graph));
  CHECK(b.graph.nodes.size() == 5);
  CHECK(b.shape(b.y) == Shape{-1, -1});
  CHECK(b[b.y].shape_known);

  b.graph[b.x].shape = {3, 64, 7, 7};
  REQUIRE(fold_constants(b.graph));
  REQUIRE(b.graph.nodes.size() == 1);
  CHECK(b.graph.nodes[0].op == Op::Reshape);
  CHECK(b.shape(b.y) == Shape{3, 3136});
  CHECK(b.elements<std::int64_t>(b.graph.nodes[0].inputs[1]) == Integers{3, -1});
}

TEST_CASE("A chain on an unknown rank survives as well") {
  FlattenChain b({2, 3});
  b.graph[b.x].shape_known = false;
  REQUIRE(fold_constants(b.graph));
  CHECK(b.graph.nodes.size() == 5);
}

TEST_CASE("Known sizes fold out of a partly unknown shape") {
  NodeBuilder b;
  const ValueId x = b.input({-1, 64, 7, -1});
  const ValueId sizes = b.add("Shape", {x});
  const ValueId channels = b.add("Gather", {sizes, b.scalar(-3)});
  const ValueId part = b.add("Slice", {sizes, b.integers({1}), b.integers({3})});
  const ValueId batch = b.add("Gather", {sizes, b.scalar(0)});
  const ValueId tail = b.add("Slice", {sizes, b.integers({2}), b.integers({4})});
  b.graph.outputs = {channels, part, batch, tail};
  REQUIRE(fold_constants(b.graph));
  CHECK(b.elements<std::int64_t>(channels) == Integers{64});
  CHECK(b.elements<std::int64_t>(part) == Integers{64, 7});
  CHECK_FALSE(b[batch].is_constant());
  CHECK_FALSE(b[tail].is_constant());
  CHECK_FALSE(b[sizes].is_constant());
  CHECK(b.graph.nodes.size() == 3);
}

TEST_CASE("Integer arithmetic folds through casts") {
  NodeBuilder b;
  const ValueId x = b.input({1, 8, 10, 12});
  const ValueId hw = b.add("Slice", {b.add("Shape", {x}), b.integers({2}), b.integers({4})});
  const ValueId twice = b.add("Mul", {hw, b.scalar(2)});
  const ValueId half = b.add("Div", {b.add("Sub", {twice, b.scalar(21)}), b.integers({2})});
  const ValueId target = b.add("Cast", {b.add("Cast", {half}, {{"to", attribute(1L)}})}, {{"to", attribute(7L)}});
  b.graph.outputs = {target};
  REQUIRE(fold_constants(b.graph));
  CHECK(b.graph.nodes.empty());
  CHECK(b.elements<std::int64_t>(target) == Integers{0, 1});  // -1 / 2 and 3 / 2, towards zero
}

TEST_CASE("Integer arithmetic that has no result stays") {
  const auto folds = [](const char* op, std::int64_t left, std::int64_t right) {
    NodeBuilder b;
    b.graph.outputs = {b.add(op, {b.scalar(left), b.scalar(right)})};
    REQUIRE(fold_constants(b.graph));
    return b.graph.nodes.empty();
  };
  CHECK_FALSE(folds("Div", 1, 0));
  CHECK_FALSE(folds("Div", INT64_MIN, -1));
  CHECK_FALSE(folds("Add", INT64_MAX, 1));
  CHECK_FALSE(folds("Sub", INT64_MIN, 1));
  CHECK_FALSE(folds("Mul", INT64_MAX, 2));
  CHECK(folds("Mul", INT64_MIN, 1));
  NodeBuilder b;
  const auto s32 = [&](std::int32_t element) { return b.constant<std::int32_t>(DType::s32, {}, {element}); };
  b.graph.outputs = {b.add("Add", {s32(INT32_MAX), s32(1)})};
  REQUIRE(fold_constants(b.graph));
  CHECK(b.graph.nodes.size() == 1);
}

TEST_CASE("A Cast to the same type disappears, but a graph output keeps its name") {
  NodeBuilder b;
  const ValueId x = b.input({2, 3});
  const ValueId same = b.add("Cast", {x}, {{"to", attribute(1L)}});
  const ValueId moved = b.add("Transpose", {same});
  const ValueId output = b.add("Cast", {moved}, {{"to", attribute(1L)}});
  const ValueId kept = b.add("Cast", {x}, {{"to", attribute(6L)}});  // no way to fold it
  b.graph.outputs = {output, kept};
  REQUIRE(fold_constants(b.graph));
  REQUIRE(b.graph.nodes.size() == 3);
  CHECK(b.graph.nodes[0].inputs[0] == x);
  CHECK(b.graph.nodes[1].op == Op::Reshape);
  CHECK(b.graph.nodes[1].outputs[0] == output);
  CHECK(b.graph.nodes[2].op == Op::Cast);
  REQUIRE(fold_constants(b.graph));
  CHECK(b.shape(output) == Shape{3, 2});
}

TEST_CASE("Constants that a few bytes describe do not explode") {
  NodeBuilder b;
  const ValueId big = b.add("Pad", {b.floats({1}, {1}), b.integers({0, std::int64_t{1} << 26})});
  const ValueId small = b.add("Pad", {b.floats({1}, {1}), b.integers({1, 1})});
  b.graph.outputs = {big, small};
  REQUIRE(fold_constants(b.graph));
  CHECK(b.graph.nodes.size() == 1);
  CHECK_FALSE(b[big].is_constant());
  CHECK(b.elements<float>(small) == std::vector<float>{0, 1, 0});
}

TEST_CASE("All results together stay within the limit") {
  NodeBuilder b;
  const ValueId x = b.floats({1}, {1});
  for (int i = 0; i < 5; ++i) b.graph.outputs.push_back(b.add("Pad", {x, b.integers({0, (20 << 18) - 1})}));  // 20 MiB
  REQUIRE(fold_constants(b.graph));
  CHECK(b.graph.nodes.size() == 2);
}

TEST_CASE("An error names the node") {
  NodeBuilder b;
  const ValueId x = b.input({2, 3});
  b.graph.outputs = {b.add("Reshape", {x, b.integers({3, 2})})};
  b.graph[x].shape = {2, 4};
  CHECK_THAT(fold_constants(b.graph).message(), Catch::Contains("node 'n' (Reshape)"));
}
