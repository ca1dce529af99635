// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

TEST_CASE("a product with a constant matrix becomes Dense") {
  Builder b;
  const ValueId x = b.input("x", {2, 3, 4});
  const ValueId w = b.random("w", {4, 5});
  b.output(b.op(Op::MatMul, "y", {x, w}, MatMulAttrs{{0, 6}}));
  b.output(b.op(Op::MatMul, "z", {x, w}, MatMulAttrs{}));
  const Graph before = b.graph;
  REQUIRE(lower_matmul(b.graph).ok());
  CHECK(ops_of(b.graph) == "Dense Dense");
  CHECK(named(b.graph, "y").as<DenseAttrs>().clamp == Clamp{0, 6});
  CHECK(b.graph.input(b.graph.nodes[0], 1).shape == Shape{5, 4});
  CHECK(b.graph.nodes[0].inputs[1] == b.graph.nodes[1].inputs[1]);  // transposed once
  CHECK(difference(before, b.graph) < 1e-12);
}

TEST_CASE("two activations stay a MatMul") {
  Builder b;
  const ValueId x = b.input("x", {3, 4}), y = b.input("y", {4, 5});
  b.output(b.op(Op::MatMul, "xy", {x, y}, MatMulAttrs{}));
  b.output(b.op(Op::MatMul, "cy", {b.random("c", {3, 4}), y}, MatMulAttrs{}));  // the left one is constant
  REQUIRE(lower_matmul(b.graph).ok());
  CHECK(ops_of(b.graph) == "MatMul MatMul");
}

TEST_CASE("an added vector becomes the bias of Dense") {
  Builder b;
  const ValueId x = b.input("x", {2, 4});
  const ValueId product = b.op(Op::MatMul, "product", {x, b.random("w", {4, 5})}, MatMulAttrs{});
  SECTION("vector") { b.output(b.binary(BinaryFn::add, product, b.random("b", {5}))); }
  SECTION("row, on the left") { b.output(b.binary(BinaryFn::add, b.random("b", {1, 5}), product)); }
  const Graph before = b.graph;
  REQUIRE(lower_matmul(b.graph).ok());
  CHECK(ops_of(b.graph) == "Dense");
  CHECK(b.graph.input(only(b.graph, Op::Dense), 2).shape == Shape{5});
  CHECK(difference(before, b.graph) < 1e-6);
}

TEST_CASE("what is not a bias stays an Add") {
  Builder b;
  const ValueId x = b.input("x", {1, 4});
  const ValueId product = b.op(Op::MatMul, "product", {x, b.random("w", {4, 5})}, MatMulAttrs{});
  SECTION("a column would stretch the batch") { b.output(b.binary(BinaryFn::add, product, b.random("b", {5, 1}))); }
  SECTION("rank 3 would raise the rank") { b.output(b.binary(BinaryFn::add, product, b.random("b", {1, 1, 5}))); }
  SECTION("one number for all channels") { b.output(b.binary(BinaryFn::add, product, b.random("b", {1}))); }
  SECTION("not constant") { b.output(b.binary(BinaryFn::add, product, b.input("b", {5}))); }
  SECTION("subtracted") { b.output(b.binary(BinaryFn::sub, product, b.random("b", {5}))); }
  SECTION("the product is used elsewhere") {
    b.output(b.binary(BinaryFn::add, product, b.random("b", {5})));
    b.output(product);
  }
  REQUIRE(lower_matmul(b.graph).ok());
  CHECK(ops_of(b.graph) == "Dense Binary");
}

TEST_CASE("weights as codes are transposed with their scales") {
  Builder b;
  const ValueId x = b.input("x", {2, 4});
  SECTION("(k, n) behind a Dequantize") {
    const ValueId w = b.dequantize(b.codes("w", {4, 5}, DType::s8, 1));
    b.output(b.op(Op::MatMul, "y", {x, w}, MatMulAttrs{}));
  }
  SECTION("(n, k) behind Dequantize and Transpose") {
    const ValueId w = b.dequantize(b.codes("w", {5, 4}, DType::s8, 0));
    const ValueId transposed = b.op(Op::Transpose, "t", {w}, TransposeAttrs{{1, 0}});
    b.output(b.op(Op::MatMul, "y", {x, transposed}, MatMulAttrs{}));
  }
  const Graph before = b.graph;
  REQUIRE(lower_matmul(b.graph).ok());
  REQUIRE(ops_of(b.graph) == "Dequantize Dense");
  const Value& codes = b.graph.input(only(b.graph, Op::Dequantize), 0);
  CHECK(codes.shape == Shape{5, 4});
  CHECK(codes.quant.axis == 0);
  CHECK(codes.quant.scale.size() == 5);
  CHECK(difference(before, b.graph) < 1e-12);
}

TEST_CASE("a bias may be codes, in any shape that broadcasts per channel") {
  Builder b;
  const ValueId x = b.input("x", {2, 4});
  const ValueId w = b.dequantize(b.codes("w", {4, 5}, DType::s8));
  const ValueId codes = b.bias("b", 5, 0.001F);
  b.graph[codes].shape = Shape{1, 5};
  b.output(b.binary(BinaryFn::add, b.op(Op::MatMul, "y", {x, w}, MatMulAttrs{}), b.dequantize(codes)));
  const Graph before = b.graph;
  REQUIRE(lower_matmul(b.graph).ok());
  CHECK(count(b.graph, Op::Binary) == 0);
  const Node& dense = only(b.graph, Op::Dense);
  CHECK(b.graph.input(dense, 2).shape == Shape{5});
  check_consistent(b.graph);
  CHECK(difference(before, b.graph) < 1e-6);
}

TEST_CASE("an added channel vector becomes the bias of a convolution") {
  Builder b;
  const ValueId x = b.input("x", {1, 2, 5, 5});
  ValueId y = b.conv("conv", x, b.random("w", {3, 2, 3, 3}));
  y = b.binary(BinaryFn::add, y, b.random("b", {1, 3, 1, 1}));
  ConvTranspose2dAttrs attrs;
  attrs.window.kernel = {2, 2};
  attrs.groups = 3;
  y = b.op(Op::ConvTranspose2d, "up", {y, b.random("v", {3, 2, 2, 2})}, attrs);
  b.output(b.binary(BinaryFn::add, b.random("c", {6, 1, 1}), y));
  const Graph before = b.graph;
  REQUIRE(lower_matmul(b.graph).ok());
  CHECK(ops_of(b.graph) == "Conv2d ConvTranspose2d");
  CHECK(difference(before, b.graph) < 1e-6);
}

TEST_CASE("a width that equals the channels is not a bias") {
  Builder b;
  const ValueId x = b.input("x", {1, 2, 3, 3});
  b.output(b.binary(BinaryFn::add, b.conv("conv", x, b.random("w", {3, 2, 1, 1})), b.random("b", {3})));
  REQUIRE(lower_matmul(b.graph).ok());
  CHECK(ops_of(b.graph) == "Conv2d Binary");
}
