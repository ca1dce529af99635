// SPDX-License-Identifier: Apache-2.0
#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

namespace {

// y = ConvTranspose(x, w (in, out/groups, kh, kw)).
template <class Attributes>
OnnxBuilder deconv(const Dims& x, const Dims& w, Attributes attributes) {
  std::int64_t count = 1;
  for (std::int64_t dim : w) count *= dim;
  OnnxBuilder model;
  model.input("x", x).output("y");
  model.initializer("w", w, std::vector<float>(static_cast<std::size_t>(count), 0.5F));
  auto node = model.node("ConvTranspose", {"x", "w"}, {"y"}).name("up");
  attributes(node);
  return model;
}

template <class Attributes>
std::string shape(const Dims& x, const Dims& w, Attributes attributes) {
  return shape_named(imported(deconv(x, w, attributes)), "y");
}

template <class Attributes>
ConvTranspose2dAttrs attrs(const Dims& x, const Dims& w, Attributes attributes) {
  const Graph graph = imported(deconv(x, w, attributes));
  return std::get<ConvTranspose2dAttrs>(graph.nodes.at(0).attrs);
}

using Pair = std::array<std::int64_t, 2>;

}  // namespace

TEST_CASE("ConvTranspose: output shapes") {
  CHECK(shape({2, 3, 4, 5}, {3, 6, 2, 2}, [](auto& n) { n.set("strides", {2, 2}); }) == "[2,6,8,10]");
  CHECK(shape({2, 4, 4, 5}, {4, 3, 3, 3}, [](auto& n) { n.set("group", 2).set("pads", {1, 0, 1, 2}); }) == "[2,6,4,5]");
  CHECK(shape({1, 3, 4, 4}, {3, 6, 3, 3}, [](auto& n) { n.set("dilations", {2, 1}); }) == "[1,6,8,6]");
  CHECK(shape({1, 3, 4, 4}, {3, 6, 3, 3}, [](auto& n) {
          n.set("strides", {2, 2}).set("pads", {1, 1, 1, 1}).set("output_padding", {1, 0});
        }) == "[1,6,8,7]");
  CHECK(shape({-1, 3, -1, 4}, {3, 6, 2, 2}, [](auto& n) { n.set("strides", {2, 2}); }) == "[?,6,?,8]");
  CHECK(shape({1, 3, 4}, {3, 6, 2}, [](auto& n) { n.set("strides", {2}); }) == "[1,6,8]");
}

TEST_CASE("ConvTranspose: auto_pad and output_shape become pads") {
  // Unpadded 9 long, wanted 8: one pad.
  const auto upper = attrs({1, 1, 4, 4}, {1, 1, 3, 3}, [](auto& n) {
    n.set("strides", {2, 2}).set("auto_pad", "SAME_UPPER");
  });
  CHECK(upper.window.pad_begin == Pair{0, 0});
  CHECK(upper.window.pad_end == Pair{1, 1});
  CHECK(upper.window.auto_pad == AutoPad::none);
  const auto lower = attrs({1, 1, 4, 4}, {1, 1, 3, 3}, [](auto& n) {
    n.set("strides", {2, 2}).set("auto_pad", "SAME_LOWER");
  });
  CHECK(lower.window.pad_begin == Pair{1, 1});
  CHECK(lower.window.pad_end == Pair{0, 0});

  const auto given = attrs({1, 1, 4, 4}, {1, 1, 3, 3}, [](auto& n) {
    n.set("strides", {2, 2}).set("output_shape", {8, 6});
  });
  CHECK(given.output_shape == Pair{0, 0});
  CHECK(given.window.pad_begin == Pair{1, 2});
  CHECK(given.window.pad_end == Pair{0, 1});
  CHECK(given.output_padding == Pair{0, 0});

  // A stride beyond the kernel leaves a tail that no tap reaches.
  const auto tail = attrs({1, 1, 4, 4}, {1, 1, 1, 1}, [](auto& n) {
    n.set("strides", {3, 3}).set("auto_pad", "SAME_UPPER");
  });
  CHECK(tail.output_padding == Pair{2, 2});
  CHECK(tail.window.pad_end == Pair{0, 0});

  Graph later = imported(deconv({1, 1, -1, 4}, {1, 1, 3, 3}, [](auto& n) {
    n.set("strides", {2, 2}).set("auto_pad", "SAME_UPPER");
  }));
  CHECK(shape_named(later, "y") == "[1,1,?,8]");
  later[later.inputs[0]].shape[2] = 5;
  REQUIRE(infer_shapes(later).ok());
  CHECK(shape_named(later, "y") == "[1,1,10,8]");
  REQUIRE(infer_shapes(later).ok());  // resolved once, stable after
  CHECK(shape_named(later, "y") == "[1,1,10,8]");
}

TEST_CASE("ConvTranspose: what does not fit is refused") {
  const auto message = [](const Dims& x, const Dims& w, auto attributes) { return refusal(deconv(x, w, attributes)); };
  const auto plain = [](auto&) {};
  CHECK_THAT(message({1, 3, 4, 4}, {4, 6, 3, 3}, plain),
             Contains("node 'up' (ConvTranspose2d): 3 input channels: the weight [4,6,3,3] must have as many rows"));
  CHECK_THAT(message({1, 3, 4, 4}, {3, 6, 3, 3}, [](auto& n) { n.set("group", 2); }),
             Contains("3 input channels: must be a multiple of groups 2"));
  CHECK_THAT(message({1, 3, 4, 4}, {3, 0, 3, 3}, plain), Contains("0 output channels in each of 1 groups"));
  CHECK_THAT(message({1, 3, 4, 4}, {3, 6, 3, 3},
                     [](auto& n) {
                       n.set("pads", {4, 0, 4, 0});
                     }),
             Contains("output size -2 at axis 0: must be at least 1 (pads 4 and 4)"));
  CHECK_THAT(message({1, 3, 4, 4}, {3, 6, 3, 3},
                     [](auto& n) {
                       n.set("output_shape", {20, 6});
                     }),
             Contains("output size 20 at axis 0: the taps reach only 6"));
  CHECK_THAT(message({1, 3, 4, 4}, {3, 6, 3, 3},
                     [](auto& n) {
                       n.set("output_padding", {0, -1});
                     }),
             Contains("output_padding -1 at axis 1"));
  CHECK_THAT(message({1, 3, 4, 4, 4}, {3, 6, 3, 3, 3}, plain), Contains("3 spatial axes"));
}
