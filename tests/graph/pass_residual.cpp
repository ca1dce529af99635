// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

namespace {

ValueId int8_conv(Builder& b, const std::string& name, ValueId codes, Clamp clamp = {}, float scale = 0.04F) {
  const ValueId y = b.conv(name, codes, b.codes(name + "_w", {4, 4, 1, 1}, DType::s8, 0));
  b.graph.nodes.back().as<Conv2dAttrs>().clamp = clamp;
  b.graph[y].dtype = DType::u8;
  b.graph[y].quant = {{scale}, {50}, -1};
  return y;
}

ValueId int8_binary(Builder& b, BinaryFn fn, ValueId p, ValueId q) {
  const ValueId y = b.op(Op::Binary, "sum", {p, q}, BinaryAttrs{fn, {0, 3}});
  b.graph[y].dtype = DType::u8;
  b.graph[y].quant = {{0.07F}, {10}, -1};
  return y;
}

// The same codes as (1, 4, 9).
ValueId reshaped(Builder& b, ValueId codes) {
  const ValueId line = b.op(Op::Reshape, "line", {codes, b.integers("size", {1, 4, 9})}, ReshapeAttrs{});
  b.graph[line].quant = b.graph[codes].quant;
  return line;
}

ValueId codes_input(Builder& b, const std::string& name = "x", const Shape& shape = {1, 4, 3, 3}) {
  return b.codes_input(name, shape, DType::u8, 0.02F, 100);
}

}  // namespace

TEST_CASE("an int8 Add joins the convolution before it") {
  Builder b;
  const ValueId x = codes_input(b);
  const ValueId y = int8_conv(b, "conv", x, {-1, 2});
  const bool residual_first = GENERATE(false, true);
  b.output(residual_first ? int8_binary(b, BinaryFn::add, x, y) : int8_binary(b, BinaryFn::add, y, x));
  const Graph before = b.graph;
  REQUIRE(fuse_residual(b.graph).ok());
  REQUIRE(ops_of(b.graph) == "Conv2d");
  const Node& node = b.graph.nodes[0];
  const auto& attrs = node.as<Conv2dAttrs>();
  CHECK(attrs.residual.present);
  CHECK(attrs.residual.residual_is_first == residual_first);
  CHECK(attrs.residual.quant.scale[0] == 0.04F);
  CHECK(attrs.residual.clamp == Clamp{-1, 2});
  CHECK(attrs.clamp == Clamp{0, 3});
  REQUIRE(node.inputs.size() == 4);
  CHECK(node.inputs[2] == kNone);
  CHECK(node.inputs[3] == x);
  CHECK(difference(before, b.graph) == 0);
}

TEST_CASE("of two convolutions the later one takes the other's result") {
  Builder b;
  const ValueId x = codes_input(b);
  const ValueId one = int8_conv(b, "one", x), two = int8_conv(b, "two", x);
  b.output(int8_binary(b, BinaryFn::add, two, one));
  const Graph before = b.graph;
  REQUIRE(fuse_residual(b.graph).ok());
  REQUIRE(ops_of(b.graph) == "Conv2d Conv2d");
  CHECK(b.graph.nodes[0].name == "one");
  CHECK(b.graph.nodes[1].inputs[3] == one);
  CHECK(difference(before, b.graph) == 0);
}

TEST_CASE("the residual may be made after the convolution") {
  Builder b;
  const ValueId x = codes_input(b);
  const ValueId y = int8_conv(b, "conv", x);
  const ValueId late = b.op(Op::Pool, "late", {x}, PoolAttrs{});
  b.output(int8_binary(b, BinaryFn::add, y, late));
  b.graph[late].quant = b.graph[x].quant;
  b.graph[late].dtype = DType::u8;
  REQUIRE(fuse_residual(b.graph).ok());
  CHECK(ops_of(b.graph) == "Pool Conv2d");
}

TEST_CASE("no fusion where it would change something") {
  Builder b;
  const ValueId x = codes_input(b);
  const ValueId y = int8_conv(b, "conv", x);
  SECTION("Sub") { b.output(int8_binary(b, BinaryFn::sub, y, x)); }
  SECTION("broadcast") { b.output(int8_binary(b, BinaryFn::add, y, codes_input(b, "z", {1, 4, 1, 1}))); }
  SECTION("the convolution is read elsewhere") {
    b.output(int8_binary(b, BinaryFn::add, y, x));
    b.output(y);
  }
  SECTION("added to itself") { b.output(int8_binary(b, BinaryFn::add, y, y)); }
  SECTION("float result") { b.output(b.binary(BinaryFn::add, b.dequantize(y), b.dequantize(x))); }
  const std::string before = ops_of(b.graph);
  REQUIRE(fuse_residual(b.graph).ok());
  CHECK(ops_of(b.graph) == before);
}

TEST_CASE("a convolution takes one residual only") {
  Builder b;
  const ValueId x = codes_input(b);
  const ValueId y = int8_conv(b, "conv", x);
  ValueId sum = int8_binary(b, BinaryFn::add, y, x);
  b.output(int8_binary(b, BinaryFn::add, sum, x));
  REQUIRE(fuse_residual(b.graph).ok());
  CHECK(ops_of(b.graph) == "Conv2d Binary");
}

TEST_CASE("an int8 Add joins the convolution behind a Reshape, as in 1-d networks") {
  Builder b;
  const ValueId x = codes_input(b), r = codes_input(b, "r", {1, 4, 9});
  const ValueId y = int8_conv(b, "conv", x, {-1, 2});
  const ValueId line = reshaped(b, y);
  const bool residual_first = GENERATE(false, true);
  b.output(residual_first ? int8_binary(b, BinaryFn::add, r, line) : int8_binary(b, BinaryFn::add, line, r));
  const Graph before = b.graph;
  REQUIRE(fuse_residual(b.graph).ok());
  CHECK(ops_of(b.graph) == "Reshape Conv2d Reshape");
  CHECK(only(b.graph, Op::Conv2d).as<Conv2dAttrs>().residual.present);
  CHECK(difference(before, b.graph) == 0);
}

TEST_CASE("no fusion through a Reshape that others read") {
  Builder b;
  const ValueId x = codes_input(b), r = codes_input(b, "r", {1, 4, 9});
  const ValueId line = reshaped(b, int8_conv(b, "conv", x));
  b.output(int8_binary(b, BinaryFn::add, line, r));
  b.output(line);
  REQUIRE(fuse_residual(b.graph).ok());
  CHECK(ops_of(b.graph) == "Conv2d Reshape Binary");
}
