// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/passes.h"
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;

namespace {
using Integers = std::vector<std::int64_t>;
}

TEST_CASE("Shape has as many elements as its input has axes") {
  NodeBuilder b;
  const ValueId y = b.add("Shape", {b.input({-1, 3, 4})});
  CHECK(b[y].dtype == DType::s64);
  CHECK(b.shape(y) == Shape{3});
  CHECK_FALSE(b.fold_last());  // the batch is not known
  CHECK(b.shape(b.add("Shape", {b.unranked()})) == Shape{-1});
  CHECK_FALSE(b.fold_last());
}

TEST_CASE("Shape folds once every size is known") {
  NodeBuilder b;
  const ValueId y = b.add("Shape", {b.input({2, 3, 4})});
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::int64_t>(y) == Integers{2, 3, 4});
  const ValueId scalar = b.add("Shape", {b.input({})});
  REQUIRE(b.fold_last());
  CHECK(b.shape(scalar) == Shape{0});
  CHECK(b[scalar].is_constant());
}

TEST_CASE("Shape of a range of axes, opset 15") {
  const auto range = [](NodeBuilder::Attributes attributes) {
    NodeBuilder b;
    const ValueId y = b.add("Shape", {b.input({-1, 3, 4, 5})}, attributes);
    b.graph.outputs = {y};
    REQUIRE(fold_constants(b.graph));
    return b[y].is_constant() ? b.elements<std::int64_t>(y) : Integers{};
  };
  CHECK(range({{"start", attribute(1L)}}) == Integers{3, 4, 5});
  CHECK(range({{"start", attribute(-2L)}, {"end", attribute(-1L)}}) == Integers{4});
  CHECK(range({{"start", attribute(2L)}, {"end", attribute(100L)}}) == Integers{4, 5});
  CHECK(range({{"end", attribute(2L)}}).empty());  // needs the batch
}
