// SPDX-License-Identifier: Apache-2.0
// What the published node tests do not show: operators on codes, and inputs at the edge of what is defined.
#include <cmath>
#include <limits>

#include "tests/support/run_model.h"

using namespace octet;
using tests::Dims;
using tests::OnnxBuilder;
using tests::Run;

namespace {

// A model whose operator stands between the same DequantizeLinear and QuantizeLinear.
OnnxBuilder on_codes(const Dims& dims) {
  OnnxBuilder model(18);
  model.input<std::uint8_t>("x", dims).output("y");
  model.initializer<float>("s", {}, {0.1F}).initializer<std::uint8_t>("z", {}, {std::uint8_t{7}});
  model.node("DequantizeLinear", {"x", "s", "z"}, {"real"});
  return model;
}

void to_codes(OnnxBuilder& model) { model.node("QuantizeLinear", {"moved", "s", "z"}, {"y"}); }

using Codes = std::vector<std::uint8_t>;

}  // namespace

TEST_CASE("what moves or picks elements does so on codes") {
  OnnxBuilder model = on_codes({1, 4, 1, 2});
  Codes expected;
  SECTION("Tile") {
    model.initializer<std::int64_t>("n", {4}, {1, 1, 2, 1});
    model.node("Tile", {"real", "n"}, {"moved"});
    expected = {1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6, 7, 8, 7, 8};
  }
  SECTION("Expand") {
    model.initializer<std::int64_t>("to", {4}, {1, 4, 2, 2});
    model.node("Expand", {"real", "to"}, {"moved"});
    expected = {1, 2, 1, 2, 3, 4, 3, 4, 5, 6, 5, 6, 7, 8, 7, 8};
  }
  SECTION("DepthToSpace") {
    model.node("DepthToSpace", {"real"}, {"moved"}).set("blocksize", 2);
    expected = {1, 3, 2, 4, 5, 7, 6, 8};
  }
  SECTION("SpaceToDepth and back") {
    model.node("DepthToSpace", {"real"}, {"wide"}).set("blocksize", 2).set("mode", "CRD");
    model.node("SpaceToDepth", {"wide"}, {"moved"}).set("blocksize", 2);
    expected = {1, 2, 3, 4, 5, 6, 7, 8};
  }
  SECTION("Pad by reflection") {
    model.initializer<std::int64_t>("pads", {8}, {0, 0, 0, 1, 0, 0, 0, 1});
    model.node("Pad", {"real", "pads"}, {"moved"}).set("mode", "reflect");
    expected = {2, 1, 2, 1, 4, 3, 4, 3, 6, 5, 6, 5, 8, 7, 8, 7};
  }
  SECTION("ReduceMax") {
    model.initializer<std::int64_t>("axes", {1}, {1});
    model.node("ReduceMax", {"real", "axes"}, {"moved"});
    expected = {7, 8};
  }
  to_codes(model);
  Run run(model);
  INFO(run.ledger());
  CHECK(run.ledger().find("fp32") == std::string::npos);
  CHECK(run.set<std::uint8_t>("x", {1, 2, 3, 4, 5, 6, 7, 8}).get<std::uint8_t>("y") == expected);
}

TEST_CASE("ArgMax compares codes") {
  OnnxBuilder model = on_codes({2, 3});
  model.node("ArgMax", {"real"}, {"y"}).set("axis", 1).set("keepdims", 0).set("select_last_index", 1);
  Run run(model);
  CHECK(run.ledger().find("fp32") == std::string::npos);
  CHECK(run.set<std::uint8_t>("x", {9, 1, 9, 0, 200, 3}).get<std::int64_t>("y") == std::vector<std::int64_t>{2, 1});
}

TEST_CASE("ArgMax takes the first NaN") {
  OnnxBuilder model;
  model.input("x", {4}).output("y");
  model.node("ArgMax", {"x"}, {"y"}).set("axis", 0).set("keepdims", 0);
  CHECK(Run(model).set<float>("x", {1, NAN, 5, NAN}).get<std::int64_t>("y") == std::vector<std::int64_t>{1});
}

TEST_CASE("integer arithmetic at run time never traps") {
  constexpr auto kLeast = std::numeric_limits<std::int64_t>::min();
  OnnxBuilder model;
  model.input<std::int64_t>("a", {3}).input<std::int64_t>("b", {3}).output("y");
  model.node("Div", {"a", "b"}, {"y"});
  const std::vector<std::int64_t> a{7, kLeast, -7}, b{0, -1, 2};
  CHECK(Run(model).set("a", a).set("b", b).get<std::int64_t>("y") == std::vector<std::int64_t>{0, kLeast, -3});
}

TEST_CASE("Cast of floats saturates, and NaN is 0") {
  OnnxBuilder model;
  model.input("x", {5}).output("y");
  model.node("Cast", {"x"}, {"y"}).set("to", 3);
  CHECK(Run(model).set<float>("x", {1.9F, -1.9F, 1e9F, -1e9F, NAN}).get<std::int8_t>("y") ==
        std::vector<std::int8_t>{1, -1, 127, -128, 0});
}

TEST_CASE("a mask that depends on the input") {
  OnnxBuilder model;
  model.input<std::int64_t>("mask", {1, 3}).input("x", {2, 3}).output("y");
  model.initializer<std::int64_t>("zero", {}, {0}).initializer<float>("low", {}, {-100});
  model.node("Equal", {"mask", "zero"}, {"off"});
  model.node("Where", {"off", "low", "x"}, {"y"});
  Run run(model);
  CHECK(run.set<std::int64_t>("mask", {1, 0, 1}).set<float>("x", {1, 2, 3, 4, 5, 6}).get<float>("y") ==
        std::vector<float>{1, -100, 3, 4, -100, 6});
}

TEST_CASE("LayerNormalization: the formula, in this order") {
  OnnxBuilder model(17);
  model.input("x", {2, 3}).output("y");
  model.initializer<float>("g", {3}, {1, 2, 3}).initializer<float>("b", {3}, {0, 1, -1});
  model.node("LayerNormalization", {"x", "g", "b"}, {"y"});
  const std::vector<float> x{1, 2, 4, -3, 0, 9};
  const auto y = Run(model).set("x", x).get<float>("y");
  for (std::size_t row = 0; row < 2; ++row) {
    double mean = 0, variance = 0;
    for (std::size_t i = 0; i < 3; ++i) mean += x[3 * row + i] / 3.0;
    for (std::size_t i = 0; i < 3; ++i) variance += std::pow(x[3 * row + i] - mean, 2) / 3;
    const double g[] = {1, 2, 3}, b[] = {0, 1, -1};
    for (std::size_t i = 0; i < 3; ++i) {
      const double expected = (x[3 * row + i] - mean) / std::sqrt(variance + 1e-5) * g[i] + b[i];
      CHECK(std::fabs(y[3 * row + i] - expected) < 1e-5);
    }
  }
}

TEST_CASE("a shape that is only known when a session is made") {
  OnnxBuilder model;
  model.input("x", {-1, 2}).output("y");
  model.initializer<std::int64_t>("first", {1}, {0}).initializer<std::int64_t>("two", {1}, {2});
  model.node("Shape", {"x"}, {"shape"});
  model.node("ConstantOfShape", {"shape"}, {"ones"}).set_tensor("value", tests::onnx_tensor<float>("v", {1}, {1}));
  model.node("Add", {"x", "ones"}, {"y"});
  Run run(model, {.threads = 1, .input_shapes = {{"x", {3, 2}}}});
  CHECK(run.set<float>("x", {1, 2, 3, 4, 5, 6}).get<float>("y") == std::vector<float>{2, 3, 4, 5, 6, 7});
}
