// SPDX-License-Identifier: Apache-2.0
// lower_qdq: borders pass through data movement, twins merge, and what stays float says why.
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

namespace {

void lower_and_compare(Builder& b) {
  const Graph before = b.graph;
  REQUIRE(lower_qdq(b.graph).ok());
  REQUIRE(remove_dead(b.graph).ok());
  INFO(ops_of(b.graph));
  check_consistent(b.graph);
  CHECK(difference(before, b.graph) < 1e-9);
}

ValueId flatten(Builder& b, ValueId x) {
  return b.op(Op::Reshape, "flat", {x}, ReshapeAttrs{ReshapeAttrs::Kind::flatten, {1}, false});
}

ValueId transpose(Builder& b, ValueId x, std::vector<std::int64_t> perm) {
  return b.op(Op::Transpose, "transpose", {x}, TransposeAttrs{std::move(perm)});
}

ResizeAttrs twice_as_large() {
  ResizeAttrs attrs;
  attrs.coordinates = ResizeAttrs::Coordinates::asymmetric;
  attrs.nearest = ResizeAttrs::Nearest::floor;
  attrs.scales = {1, 1, 2, 2};
  return attrs;
}

}  // namespace

TEST_CASE("data movement between equal borders works on codes") {
  Builder b;
  const ValueId x = b.dequantize(b.codes_input("x", {1, 4, 6, 6}, DType::u8, 0.02F, 120));
  std::string expected;
  ValueId y = kNone;
  SECTION("Reshape") { y = flatten(b, x), expected = "Reshape"; }
  SECTION("Transpose") { y = transpose(b, x, {0, 2, 3, 1}), expected = "Transpose"; }
  SECTION("max pool") { y = b.op(Op::Pool, "p", {x}, pool_of(PoolKind::max)), expected = "Pool"; }
  SECTION("Pad with 0") { y = b.op(Op::Pad, "p", {x}, PadAttrs{{0, 0, 1, 1}, {0, 0, 2, 2}, 0}), expected = "Pad"; }
  SECTION("nearest Resize") { y = b.op(Op::Resize, "r", {x}, twice_as_large()), expected = "Resize"; }
  SECTION("a chain") { y = transpose(b, flatten(b, x), {1, 0}), expected = "Reshape Transpose"; }
  SECTION("Concat of equal parameters, used in float") {
    y = b.relu(b.relu(b.op(Op::Concat, "c", {x, x}, ConcatAttrs{1})));
    b.output(y);
    lower_and_compare(b);
    CHECK(ops_of(b.graph) == "Concat Dequantize Unary Unary");
    return;
  }
  SECTION("other parameters behind it") {
    b.output(b.quantize(flatten(b, x), 0.03F, 0));
    lower_and_compare(b);
    CHECK(ops_of(b.graph) == "Reshape Requantize");
    return;
  }
  b.output(b.quantize(y, 0.02F, 120));
  lower_and_compare(b);
  CHECK(ops_of(b.graph) == expected);
  CHECK(b.graph[b.graph.outputs[0]].dtype == DType::u8);
}

TEST_CASE("Split hands its parameters to every part") {
  Builder b;
  const ValueId x = b.dequantize(b.codes_input("x", {1, 4, 2, 2}, DType::s8, 0.02F, 3));
  const auto parts = b.ops(Op::Split, "split", {x}, SplitAttrs{1, {1, 3}}, 2);
  b.output(b.quantize(parts[0], 0.02F, 3, DType::s8));
  b.output(b.relu(parts[1]));
  lower_and_compare(b);
  CHECK(ops_of(b.graph) == "Split Dequantize Unary");
}

TEST_CASE("Dequantize sinks so that the layer behind a move computes on codes") {
  Builder b;
  const ValueId x = b.dequantize(b.codes_input("x", {1, 4, 2, 2}, DType::u8, 0.02F, 3));
  const ValueId w = b.dequantize(b.codes("w", {3, 16}, DType::s8, 0));
  b.output(b.quantize(b.op(Op::Dense, "fc", {flatten(b, x), w}, DenseAttrs{}), 0.1F, 100));
  lower_and_compare(b);
  CHECK(ops_of(b.graph) == "Reshape Dense");
}

TEST_CASE("Quantize rises to the op that it belongs to") {
  Builder b;
  const ValueId x = b.dequantize(b.codes_input("x", {1, 4, 4, 4}, DType::u8, 0.02F, 100));
  const ValueId w = b.dequantize(b.codes("w", {2, 4, 1, 1}, DType::s8, 0));
  const ValueId conv = b.conv("conv", x, w);
  std::string expected = "Conv2d ";
  SECTION("through max pool, Relu and Reshape") {
    const ValueId pool = b.op(Op::Pool, "pool", {conv}, pool_of(PoolKind::max));
    b.output(b.quantize(flatten(b, b.relu(pool)), 0.05F, 40));
    expected += "Pool Unary Reshape";
  }
  SECTION("through a Pad, whose zeros are the zero point") {
    const ValueId pad = b.op(Op::Pad, "pad", {conv}, PadAttrs{{0, 0, 1, 1}, {0, 0, 1, 1}, 0});
    b.output(b.quantize(pad, 0.05F, 40));
    expected += "Pad";
  }
  SECTION("not if the value between is read in float") {
    const ValueId flat = flatten(b, conv);
    b.output(b.quantize(flat, 0.05F, 40));
    b.output(b.relu(flat));
    expected += "Reshape Quantize Unary";
  }
  lower_and_compare(b);
  CHECK(ops_of(b.graph) == expected);
}

TEST_CASE("borders that say the same thing twice merge") {
  Builder b;
  const ValueId x = b.codes_input("x", {1, 4}, DType::u8, 0.02F, 100);
  SECTION("a Dequantize per reader") {
    b.output(b.relu(b.dequantize(x)));
    b.output(b.unary(UnaryFn::sigmoid, b.dequantize(x)));
    lower_and_compare(b);
    CHECK(ops_of(b.graph) == "Dequantize Unary Unary");
  }
  SECTION("a Quantize per reader") {
    const ValueId y = b.unary(UnaryFn::sigmoid, b.dequantize(x));
    for (int i = 0; i < 3; ++i) b.output(b.relu(b.quantize_dequantize(y, 0.004F, 0)));
    lower_and_compare(b);
    CHECK(count(b.graph, Op::Quantize) == 0);
    CHECK(count(b.graph, Op::Dequantize) == 1);
  }
  SECTION("Quantize nodes that differ stay") {
    const ValueId y = b.unary(UnaryFn::silu, b.dequantize(x));
    b.output(b.quantize(y, 0.004F, 0));
    b.output(b.quantize(y, 0.005F, 0));
    lower_and_compare(b);
    CHECK(ops_of(b.graph) == "Dequantize Unary Quantize Quantize");
  }
}

TEST_CASE("moves written on codes in the file get their parameters") {
  Builder b;
  const ValueId x = b.quantize(b.input("x", {1, 4}), 0.02F, 100);
  const auto move = [&](ValueId from, const Shape& shape) {
    Value value = b.graph[from];
    value.name += "'";
    value.quant = {};
    value.shape = shape;
    const ValueId to = b.graph.add_value(value);
    b.graph.nodes.push_back({value.name, Op::Transpose, {from}, {to}, TransposeAttrs{{1, 0}}, {}});
    return to;
  };
  const ValueId y = move(move(x, {4, 1}), {1, 4});
  b.graph[y].quant = b.graph[x].quant;  // stated at the Dequantize
  b.output(b.dequantize(y));
  REQUIRE(lower_qdq(b.graph).ok());
  CHECK(ops_of(b.graph) == "Quantize Transpose Transpose Dequantize");
  check_consistent(b.graph);
}

TEST_CASE("what stays in float says why") {
  Builder b;
  const ValueId codes = b.codes_input("x", {1, 4, 4, 4}, DType::u8, 0.02F, 100);
  const ValueId x = b.dequantize(codes), f = b.input("f", {1, 4, 4, 4});
  const ValueId w = b.dequantize(b.codes("w", {2, 4, 1, 1}, DType::s8, 0));
  std::string reason;
  ValueId y = kNone;
  bool quantized_output = true;
  SECTION("input") { y = b.conv("node", f, w), reason = "input 'f' is not quantized"; }
  SECTION("weights") { y = b.conv("node", x, b.random("v", {2, 4, 1, 1})), reason = "weight 'v' is not quantized"; }
  SECTION("axis of the weights") {
    b.graph[b.codes("k", {4, 4, 1, 1}, DType::s8, 1)].name = "codes";
    y = b.conv("node", x, b.dequantize(static_cast<ValueId>(b.graph.values.size()) - 1));
    reason = "is quantized along axis 1, not along its output channels";
  }
  SECTION("output") {
    y = b.op(Op::Pool, "node", {x}, pool_of(PoolKind::average));
    quantized_output = false;
    reason = "output 'node' is not quantized (no QuantizeLinear follows)";
  }
  SECTION("output read in float as well") {
    y = b.op(Op::Pool, "node", {x}, pool_of(PoolKind::average));
    b.output(y);
    reason = "output 'node' is also used in float";
  }
  SECTION("float operand") {
    y = b.op(Op::Binary, "node", {x, b.real("half", {}, {0.5F})}, BinaryAttrs{BinaryFn::mul, {}});
    reason = "operand 'half' is a float constant";
  }
  SECTION("no rule") {
    y = b.op(Op::Binary, "node", {x, b.dequantize(b.codes("c", {1}, DType::u8))}, BinaryAttrs{BinaryFn::div, {}});
    reason = "only add, sub and mul have an int8 form";
  }
  SECTION("a border of other numbers than 0") {
    y = b.op(Op::Pad, "node", {x}, PadAttrs{{0, 0, 1, 1}, {0, 0, 1, 1}, -1});
    reason = "pads with -1";
  }
  b.output(quantized_output ? b.quantize(y, 0.05F, 40) : y);
  lower_and_compare(b);
  INFO(named(b.graph, "node").reason);
  CHECK(named(b.graph, "node").reason.find(reason) != std::string::npos);
  CHECK(b.graph.output(named(b.graph, "node")).dtype == DType::f32);
  for (const Node& node : b.graph.nodes)  // no constants are dequantized at run time
    CHECK((node.op != Op::Dequantize || !b.graph.input(node, 0).is_constant()));
}

TEST_CASE("a Relu in front of a Quantize at the border is folded into it") {
  Builder b;
  b.output(b.dequantize(b.quantize(b.clip(b.input("x", {8}), -1, 1), 0.02F, 128)));
  lower_and_compare(b);
  CHECK(ops_of(b.graph) == "Quantize Dequantize");
  CHECK(b.graph.nodes[0].as<QuantizeAttrs>().clamp == Clamp{-1, 1});
}
