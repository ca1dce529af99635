// SPDX-License-Identifier: Apache-2.0
// Gemm and MatMul.
#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::graph;
using namespace octet::tests;
using Catch::Matchers::Contains;

namespace {

std::vector<float> ramp(int count) {
  std::vector<float> values;
  for (int i = 0; i < count; ++i) values.push_back(static_cast<float>(i));
  return values;
}

// y = Gemm(x (2, 3), b, c) with c of shape `c` unless that is {-1}.
template <class Attributes>
OnnxBuilder gemm(const Dims& b, const Dims& c, Attributes attributes) {
  OnnxBuilder model;
  model.input("x", {2, 3}).output("y").initializer("b", b, ramp(12));
  std::vector<std::string> inputs = {"x", "b"};
  if (c != Dims{-1}) {
    std::int64_t count = 1;
    for (std::int64_t dim : c) count *= dim;
    model.initializer("c", c, ramp(static_cast<int>(count)));
    inputs.push_back("c");
  }
  auto node = model.node("Gemm", inputs, {"y"}).name("fc");
  attributes(node);
  return model;
}

const Dims kNoBias{-1};

}  // namespace

TEST_CASE("Gemm with a constant matrix is Dense") {
  const Graph direct = imported(gemm({4, 3}, {4}, [](auto& n) { n.set("transB", 1); }));
  CHECK(ops_of(direct) == "Dense");
  CHECK(direct.nodes[0].inputs.size() == 3);
  CHECK(shape_named(direct, "y") == "[2,4]");

  const Graph turned = imported(gemm({3, 4}, kNoBias, [](auto&) {}));
  CHECK(ops_of(turned) == "Transpose Dense");
  CHECK(shape_named(turned, "y") == "[2,4]");

  CHECK(ops_of(imported(gemm({2, 6}, kNoBias, [](auto& n) { n.set("transA", 1); }))) == "Transpose Transpose Dense");
}

TEST_CASE("Gemm: alpha, beta and other biases become nodes") {
  const auto transposed = [](auto& n) { n.set("transB", 1); };
  CHECK(ops_of(imported(gemm({4, 3}, {4}, [](auto& n) { n.set("transB", 1).set("alpha", 0.5F).set("beta", 2.0F); }))) ==
        "Binary Binary Dense");
  const Graph row = imported(gemm({4, 3}, {1, 4}, transposed));
  CHECK(ops_of(row) == "Dense");
  CHECK(row.input(row.nodes[0], 2).shape == Shape{4});
  CHECK(ops_of(imported(gemm({4, 3}, {2, 4}, transposed))) == "Dense Binary");
  CHECK(ops_of(imported(gemm({4, 3}, {}, transposed))) == "Dense Binary");
  CHECK(ops_of(imported(gemm({4, 3}, {2, 1}, [](auto& n) { n.set("transB", 1).set("beta", 3.0F); }))) ==
        "Binary Dense Binary");
}

TEST_CASE("Gemm with dequantized weights is Dense") {
  OnnxBuilder model;
  model.input("x", {2, 3}).output("y");
  model.dequantized<std::int8_t>("w", {3, 4}, std::vector<std::int8_t>(12, 1), {1, 2, 3, 4}, 1);
  model.dequantized<std::int32_t>("b", {4}, {1, 2, 3, 4}, {0.5F});
  model.node("Gemm", {"x", "w", "b"}, {"y"});
  const Graph graph = imported(model);
  CHECK(ops_of(graph) == "Dequantize Dequantize Transpose Dense");
  CHECK(graph.nodes.back().inputs.size() == 3);
}

TEST_CASE("Gemm of two activations is MatMul") {
  OnnxBuilder model;
  model.input("x", {2, 3}).input("w", {4, 3}).input("c", {4}).output("y");
  model.node("Gemm", {"x", "w", "c"}, {"y"}).set("transB", 1).set("alpha", 0.5F);
  const Graph graph = imported(model);
  CHECK(ops_of(graph) == "Transpose MatMul Binary Binary");
  CHECK(shape_named(graph, "y") == "[2,4]");

  OnnxBuilder scaled;
  scaled.input("x", {2, 3}).input("w", {3, 4}).output("y");
  scaled.node("Gemm", {"x", "w"}, {"y"}).set("alpha", 0.5F);
  const Graph product = imported(scaled);
  CHECK(ops_of(product) == "MatMul Binary");
  CHECK(product[product.outputs[0]].name == "y");
}

TEST_CASE("Gemm: what does not fit is refused") {
  CHECK_THAT(refusal(gemm({4, 3}, kNoBias, [](auto&) {})),
             Contains("node 'fc' (Dense): input shape [2,3]: its last size must be that of the weight [3,4]"));
  CHECK_THAT(refusal(gemm({2, 2, 3}, kNoBias, [](auto&) {})), Contains("input 1 has shape [2,2,3]: must have rank 2"));
  CHECK_THAT(refusal(gemm({4, 3}, {3}, [](auto& n) { n.set("transB", 1); })),
             Contains("shapes [2,4] and [3] cannot be broadcast together"));
}

TEST_CASE("MatMul: shapes") {
  const auto shape = [](const Dims& a, const Dims& b) {
    OnnxBuilder model;
    model.input("a", a).input("b", b).output("y");
    model.node("MatMul", {"a", "b"}, {"y"}).name("mm");
    const std::string message = refusal(model);
    return message.empty() ? shape_named(imported(model), "y") : message;
  };
  CHECK(shape({2, 3}, {3, 4}) == "[2,4]");
  CHECK(shape({5, 1, 2, 3}, {7, 3, 4}) == "[5,7,2,4]");
  CHECK(shape({-1, 2, 3}, {3, -1}) == "[?,2,?]");
  CHECK(shape({-1, 2, 3}, {4, 3, 4}) == "[4,2,4]");
  CHECK_THAT(shape({2, 3}, {4, 3}), Contains("node 'mm' (MatMul): shapes [2,3] and [4,3] cannot be multiplied"));
  CHECK_THAT(shape({2, 2, 3}, {3, 3, 4}), Contains("cannot be multiplied"));
  CHECK(shape({3}, {3, 4}) == "[4]");
  CHECK(shape({5, 2, 3}, {3}) == "[5,2]");
  CHECK(shape({3}, {3}) == "[]");
  CHECK_THAT(shape({}, {3, 4}), Contains("input 0 has shape []: must have rank 2 or more"));
}
