// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

namespace {

constexpr std::int64_t kHuge = std::int64_t{1} << 40;

Shape reshaped(const Shape& from, const std::vector<std::int64_t>& target, bool allow_zero = false) {
  NodeBuilder b;
  return b.shape(
      b.add("Reshape", {b.input(from), b.integers(target)}, {{"allowzero", attribute(std::int64_t{allow_zero})}}));
}

std::string reshape_error(const Shape& from, const std::vector<std::int64_t>& target) {
  NodeBuilder b;
  return b.error("Reshape", {b.input(from), b.integers(target)});
}

}  // namespace

TEST_CASE("Reshape to a known target") {
  CHECK(reshaped({2, 3, 4}, {6, 4}) == Shape{6, 4});
  CHECK(reshaped({2, 3, 4}, {-1, 4}) == Shape{6, 4});
  CHECK(reshaped({2, 3, 4}, {0, -1}) == Shape{2, 12});
  CHECK(reshaped({2, 3, 4}, {0, 0, 2, 2}) == Shape{2, 3, 2, 2});
  CHECK(reshaped({1, 1}, {}) == Shape{});
  CHECK(reshaped({0, 3}, {3, 0}, true) == Shape{3, 0});
}

TEST_CASE("Reshape keeps an unknown batch where the target says how") {
  CHECK(reshaped({-1, 64, 7, 7}, {0, -1}) == Shape{-1, 3136});  // the batch is copied and cancels
  CHECK(reshaped({-1, 64, 7, 7}, {-1, 3136}) == Shape{-1, 3136});
  CHECK(reshaped({-1, 64, 7, 7}, {1, 3136}) == Shape{1, 3136});  // checked once the batch is bound
  CHECK(reshaped({-1, -1, 4}, {0, -1}) == Shape{-1, -1});
  CHECK(reshaped({-1, -1, 4}, {0, 0, 2, -1}) == Shape{-1, -1, 2, 2});
}

TEST_CASE("Reshape with a target that is not constant yet") {
  NodeBuilder b;
  const ValueId x = b.input({2, 6});
  CHECK(b.shape(b.add("Reshape", {x, b.input({3}, DType::s64)})) == Shape{-1, -1, -1});
  CHECK_FALSE(b[b.add("Reshape", {x, b.input({-1}, DType::s64)})].shape_known);
  CHECK_FALSE(b[b.add("Reshape", {x, b.unranked(DType::s64)})].shape_known);
  CHECK_THAT(b.error("Reshape", {x, b.input({7}, DType::s64)}), Contains("rank 7: must be at most 6"));
  const ValueId unranked = b.add("Reshape", {b.unranked(), b.integers({0, 5, -1})});
  CHECK(b[unranked].shape_known);
  CHECK(b.shape(unranked) == Shape{-1, 5, -1});
}

TEST_CASE("Reshape refuses targets that cannot be") {
  CHECK_THAT(reshape_error({2, 3}, {4, 2}), Contains("node 'n' (Reshape)") && Contains("6 elements") && Contains("8"));
  CHECK_THAT(reshape_error({2, 3}, {4, -1}), Contains("do not divide"));
  CHECK_THAT(reshape_error({2, 3}, {-1, -1}), Contains("two sizes of -1"));
  CHECK_THAT(reshape_error({2, 3}, {-2, 3}), Contains("target size -2 at axis 0"));
  CHECK_THAT(reshape_error({2, 3}, {2, 3, 0}), Contains("axis 2 copies"));
  CHECK_FALSE(reshape_error({2, 3}, {1, 1, 1, 1, 1, 1, 6}).empty());
  CHECK_FALSE(reshape_error({2, 3}, {kHuge, kHuge, kHuge, -1}).empty());
  CHECK_FALSE(reshape_error({2, 3}, {kHuge, kHuge, kHuge}).empty());
  CHECK_FALSE(reshape_error({-1, 3}, {kHuge, kHuge}).empty());
  CHECK_FALSE(reshape_error({2, 3}, {INT64_MIN, 3}).empty());
  NodeBuilder b;
  CHECK_THAT(b.error("Reshape", {b.input({2}), b.floats({1}, {2})}), Contains("must be a vector of s64 or s32"));
  CHECK_THAT(b.error("Reshape", {b.input({0, 3}), b.integers({0, -1})}, {{"allowzero", attribute(1L)}}),
             Contains("no single answer"));
}

TEST_CASE("Flatten") {
  NodeBuilder b;
  const ValueId x = b.input({2, 3, 4});
  CHECK(b.shape(b.add("Flatten", {x})) == Shape{2, 12});
  CHECK(b.shape(b.add("Flatten", {x}, {{"axis", attribute(0L)}})) == Shape{1, 24});
  CHECK(b.shape(b.add("Flatten", {x}, {{"axis", attribute(3L)}})) == Shape{24, 1});
  CHECK(b.shape(b.add("Flatten", {x}, {{"axis", attribute(-1L)}})) == Shape{6, 4});
  CHECK(b.shape(b.add("Flatten", {b.input({-1, 3, 4})})) == Shape{-1, 12});
  CHECK(b.shape(b.add("Flatten", {b.unranked()})) == Shape{-1, -1});
  CHECK_THAT(b.error("Flatten", {x}, {{"axis", attribute(4L)}}), Contains("axis 4: must be in [-3, 3]"));
}

TEST_CASE("Squeeze and Unsqueeze with axes as attribute and as input") {
  NodeBuilder b;
  const ValueId x = b.input({1, 3, 1});
  CHECK(b.shape(b.add("Squeeze", {x})) == Shape{3});
  CHECK(b.shape(b.add("Squeeze", {x}, {{"axes", attribute(std::vector<std::int64_t>{-1})}})) == Shape{1, 3});
  CHECK(b.shape(b.add("Squeeze", {x, b.integers({0})})) == Shape{3, 1});
  CHECK(b.shape(b.add("Squeeze", {b.input({-1, 1}), b.integers({1})})) == Shape{-1});
  CHECK_FALSE(b[b.add("Squeeze", {b.input({-1, 1})})].shape_known);  // the batch may turn out to be 1
  CHECK_FALSE(b[b.add("Squeeze", {x, b.input({1}, DType::s64)})].shape_known);
  CHECK_THAT(b.error("Squeeze", {x, b.integers({1})}), Contains("axis 1 has size 3"));
  CHECK_THAT(b.error("Squeeze", {x, b.integers({0, -3})}), Contains("named twice"));

  const ValueId y = b.input({3, 4});
  CHECK(b.shape(b.add("Unsqueeze", {y, b.integers({3, 0})})) == Shape{1, 3, 4, 1});
  CHECK(b.shape(b.add("Unsqueeze", {y}, {{"axes", attribute(std::vector<std::int64_t>{-1})}})) == Shape{3, 4, 1});
  CHECK_THAT(b.error("Unsqueeze", {y}), Contains("no axes"));
  CHECK_THAT(b.error("Unsqueeze", {y, b.integers({0, 1, 2, 3, 4})}), Contains("rank at most 6"));
  CHECK_THAT(b.error("Unsqueeze", {y, b.integers({0, INT64_MAX})}), Contains("must be in [-4, 4)"));
}

TEST_CASE("Reshape folds by sharing the elements") {
  NodeBuilder b;
  const ValueId x = b.floats({2, 2}, {1, 2, 3, 4});
  const ValueId y = b.add("Reshape", {x, b.integers({4})});
  REQUIRE(b.fold_last());
  CHECK(b[y].data == b[x].data);
  CHECK(b[y].shape == Shape{4});
}

TEST_CASE("Reshape of per-channel codes folds if their axis survives") {
  NodeBuilder b;
  const ValueId x = b.constant<std::int8_t>(DType::s8, {2, 3, 2}, std::vector<std::int8_t>(12, 1));
  b.graph[x].quant = {{1, 2, 3}, {0, 0, 0}, 1};
  const ValueId y = b.add("Reshape", {x, b.integers({1, 2, 1, 3, 2})});
  REQUIRE(b.fold_last());
  CHECK(b[y].quant == Quant{{1, 2, 3}, {0, 0, 0}, 3});
  b.add("Reshape", {x, b.integers({3, 2, 2})});  // a 3 again, but not the same one
  CHECK_FALSE(b.fold_last());
  b.add("Reshape", {x, b.integers({6, 2})});
  CHECK_FALSE(b.fold_last());
}
