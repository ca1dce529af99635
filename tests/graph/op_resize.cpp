// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "tests/support/catch.h"
#include "tests/support/node_builder.h"

using namespace octet;
using namespace octet::graph;
using Catch::Contains;

namespace {

const ResizeAttrs& last(const NodeBuilder& b) { return b.graph.nodes.back().as<ResizeAttrs>(); }
}  // namespace

TEST_CASE("Resize by scales") {
  NodeBuilder b;
  const ValueId scales = b.floats({4}, {1, 1, 2, 0.5F});
  CHECK(b.shape(b.add("Resize", {b.input({-1, 3, 5, 5}), kNone, scales})) == Shape{-1, 3, 10, 2});
  CHECK(last(b).scales == std::vector<float>{1, 1, 2, 0.5F});
  CHECK(b.graph.nodes.back().inputs.size() == 1);
  CHECK(last(b).mode == ResizeAttrs::Mode::nearest);
  CHECK(last(b).coordinates == ResizeAttrs::Coordinates::half_pixel);
  CHECK(last(b).nearest == ResizeAttrs::Nearest::round_prefer_floor);
  // 10 * float(0.7) is 7 in float, 6.99999988 before rounding.
  CHECK(b.shape(b.add("Resize", {b.input({10}), kNone, b.floats({1}, {0.7F})})) == Shape{7});
}

TEST_CASE("Resize by sizes keeps the sizes when it is inferred again from scales") {
  for (std::int64_t in : {1, 3, 7, 41, 49, 97, 1000}) {
    for (std::int64_t out : {1, 2, 6, 13, 41, 55, 98, 2047}) {
      NodeBuilder b;
      const ValueId y = b.add("Resize", {b.input({in}), kNone, b.floats({0}, {}), b.integers({out})});
      CHECK(b.shape(y) == Shape{out});
      CHECK(last(b).scales[0] == static_cast<float>(out) / static_cast<float>(in));
      REQUIRE(b.graph.nodes.back().inputs.size() == 1);
      REQUIRE(infer_node(b.graph, b.graph.nodes.back()));
      CHECK(b.shape(y) == Shape{out});
    }
  }
}

TEST_CASE("Resize by sizes waits for the input's size") {
  NodeBuilder b;
  const ValueId x = b.input({-1, 8});
  const ValueId y = b.add("Resize", {x, kNone, kNone, b.integers({2, 16})});
  CHECK(b.shape(y) == Shape{2, 16});
  CHECK(b.graph.nodes.back().inputs.size() == 3);
  b.graph[x].shape = {2, 8};
  REQUIRE(infer_shapes(b.graph));
  CHECK(last(b).scales == std::vector<float>{1, 2});
  CHECK(b.graph.nodes.back().inputs.size() == 1);
  CHECK(b.shape(b.add("Resize", {x, kNone, kNone, b.input({2}, DType::s64)})) == Shape{-1, -1});
  CHECK_FALSE(b[b.add("Resize", {b.unranked(), kNone, b.floats({1}, {2})})].shape_known);
}

TEST_CASE("Resize of some axes, opset 18") {
  NodeBuilder b;
  b.opset = 18;
  const auto axes = attribute(std::vector<std::int64_t>{3, -2});
  CHECK(b.shape(b.add("Resize", {b.input({-1, 3, 4, 5}), kNone, kNone, b.integers({10, 8})}, {{"axes", axes}})) ==
        Shape{-1, 3, 8, 10});
  CHECK(last(b).scales == std::vector<float>{1, 1, 2, 2});
  CHECK(b.shape(b.add("Resize", {b.input({-1, 3, 4, 5}), kNone, b.floats({2}, {1, 3})}, {{"axes", axes}})) ==
        Shape{-1, 3, 12, 5});
}

TEST_CASE("Upsample, and Resize of opset 10, are asymmetric and floor") {
  NodeBuilder b;
  b.opset = 7;
  CHECK(b.shape(b.add("Upsample", {b.input({1, 2})}, {{"scales", attribute(std::vector<float>{1, 2})}})) ==
        Shape{1, 4});
  CHECK(last(b).nearest == ResizeAttrs::Nearest::floor);
  CHECK_THAT(b.error("Upsample", {b.input({1})}), Contains("'scales'"));
  b.opset = 9;
  CHECK(b.shape(b.add("Upsample", {b.input({1, 2}), b.floats({2}, {1, 3})}, {{"mode", attribute("linear")}})) ==
        Shape{1, 6});
  CHECK(last(b).mode == ResizeAttrs::Mode::linear);
  b.opset = 10;
  b.add("Resize", {b.input({1, 2}), b.floats({2}, {1, 2})});
  CHECK(last(b).coordinates == ResizeAttrs::Coordinates::asymmetric);
}

TEST_CASE("Resize names what it does not support") {
  NodeBuilder b;
  const ValueId x = b.input({4}), two = b.floats({1}, {2});
  const auto error = [&](const char* name, OnnxAttribute value) {
    return b.error("Resize", {x, kNone, two}, {{name, std::move(value)}});
  };
  CHECK_THAT(error("mode", attribute("cubic")),
             Contains("node 'n' (Resize)") && Contains("cubic") && Contains("nearest, linear"));
  CHECK_THAT(error("coordinate_transformation_mode", attribute("tf_crop_and_resize")), Contains("tf_crop_and_resize"));
  CHECK_THAT(error("nearest_mode", attribute("odd")), Contains("odd"));
  CHECK_THAT(error("antialias", attribute(1L)), Contains("antialias"));
  CHECK_THAT(error("keep_aspect_ratio_policy", attribute("not_larger")), Contains("not_larger"));
  CHECK(error("coordinate_transformation_mode", attribute("pytorch_half_pixel")).empty());
}

TEST_CASE("Resize refuses impossible scales and sizes") {
  NodeBuilder b;
  const ValueId x = b.input({4}), two = b.floats({1}, {2});
  const auto by_scale = [&](float scale) { return b.error("Resize", {x, kNone, b.floats({1}, {scale})}); };
  CHECK_THAT(by_scale(0), Contains("scale 0 at axis 0"));
  CHECK_FALSE(by_scale(-1).empty());
  CHECK_FALSE(by_scale(std::numeric_limits<float>::quiet_NaN()).empty());
  CHECK_FALSE(by_scale(std::numeric_limits<float>::infinity()).empty());
  CHECK_FALSE(by_scale(1e30F).empty());
  CHECK_THAT(b.error("Resize", {x, kNone, b.floats({2}, {1, 2})}), Contains("2 scales: must be 1"));
  CHECK_FALSE(b.error("Resize", {x, kNone, kNone, b.integers({0})}).empty());
  CHECK_FALSE(b.error("Resize", {x, kNone, kNone, b.integers({INT64_MAX})}).empty());
  CHECK_THAT(b.error("Resize", {x, kNone, two, b.integers({8})}), Contains("exactly one"));
  CHECK_FALSE(b.error("Resize", {x}).empty());
  CHECK_FALSE(b.error("Resize", {x, kNone, b.integers({2})}).empty());
}
