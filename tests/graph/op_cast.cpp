// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <limits>

#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

namespace {
const NodeBuilder::Attributes kToFloat{{"to", attribute(1L)}}, kToS32{{"to", attribute(6L)}},
    kToS64{{"to", attribute(7L)}}, kToBool{{"to", attribute(9L)}};
}

TEST_CASE("Cast changes the type and nothing else") {
  NodeBuilder b;
  const ValueId y = b.add("Cast", {b.input({-1, 2}, DType::s64)}, kToFloat);
  CHECK(b[y].dtype == DType::f32);
  CHECK(b.shape(y) == Shape{-1, 2});
  const ValueId z = b.add("Cast", {b.unranked()}, kToS32);
  CHECK(b[z].dtype == DType::s32);
  CHECK_FALSE(b[z].shape_known);
  CHECK_THAT(b.error("Cast", {y}, {{"to", attribute(11L)}}), Contains("'to' = 11") && Contains("7 (int64)"));
  CHECK_FALSE(b.error("Cast", {y}).empty());
}

TEST_CASE("Cast folds: floats towards zero, integers wrap, booleans are 0 and 1") {
  NodeBuilder b;
  const ValueId a = b.add("Cast", {b.floats({3}, {1.9F, -1.9F, 0x1p62F})}, kToS64);
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::int64_t>(a) == std::vector<std::int64_t>{1, -1, std::int64_t{1} << 62});
  const ValueId c = b.add("Cast", {b.integers({3, (std::int64_t{1} << 32) + 5})}, kToS32);
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::int32_t>(c) == std::vector<std::int32_t>{3, 5});
  const ValueId d = b.add("Cast", {b.floats({3}, {0.0F, -0.0F, 0.5F})}, kToBool);
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::uint8_t>(d) == std::vector<std::uint8_t>{0, 0, 1});
  const ValueId e = b.add("Cast", {d}, kToFloat);
  REQUIRE(b.fold_last());
  CHECK(b.elements<float>(e) == std::vector<float>{0, 0, 1});
}

TEST_CASE("Cast does not fold what has no defined result") {
  for (float value : {std::nanf(""), std::numeric_limits<float>::infinity(), 0x1p63F, -0x1.1p63F}) {
    NodeBuilder b;
    b.add("Cast", {b.floats({1}, {value})}, kToS64);
    CHECK_FALSE(b.fold_last());
  }
  NodeBuilder b;
  b.add("Cast", {b.floats({1}, {0x1p31F})}, kToS32);
  CHECK_FALSE(b.fold_last());
  const ValueId lowest = b.add("Cast", {b.floats({1}, {-0x1p31F})}, kToS32);
  REQUIRE(b.fold_last());
  CHECK(b.elements<std::int32_t>(lowest)[0] == INT32_MIN);
  const ValueId codes = b.constant<std::int8_t>(DType::s8, {1}, {1});
  b.graph[codes].quant = {{1}, {0}, -1};
  b.add("Cast", {codes}, kToFloat);
  CHECK_FALSE(b.fold_last());
}
