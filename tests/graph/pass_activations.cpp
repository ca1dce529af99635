// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

namespace {
constexpr float kInf = std::numeric_limits<float>::infinity();

// Fuses, and checks that the numbers stay.
void fuse(Builder& b) {
  const Graph before = b.graph;
  REQUIRE(fuse_activations(b.graph).ok());
  REQUIRE(remove_dead(b.graph).ok());
  check_consistent(b.graph);
  CHECK(difference(before, b.graph) < 1e-5);
}
}  // namespace

TEST_CASE("Relu and Clip become the clamp of the op before") {
  Builder b;
  const ValueId x = b.input("x", {1, 2, 4, 4});
  ValueId y = b.conv("conv", x, b.random("w", {2, 2, 1, 1}));
  SECTION("Relu") {
    b.output(b.relu(y));
    fuse(b);
    CHECK(only(b.graph, Op::Conv2d).as<Conv2dAttrs>().clamp == Clamp{0, kInf});
  }
  SECTION("Clip after Relu") {
    b.output(b.clip(b.relu(y), -1, 6));
    fuse(b);
    CHECK(only(b.graph, Op::Conv2d).as<Conv2dAttrs>().clamp == Clamp{0, 6});
  }
  SECTION("clamps that do not overlap leave one number") {
    b.output(b.clip(b.clip(y, 0, 1), 2, 3));
    fuse(b);
    CHECK(only(b.graph, Op::Conv2d).as<Conv2dAttrs>().clamp == Clamp{2, 2});
  }
  SECTION("through Reshape and max pool") {
    const ValueId pool = b.op(Op::Pool, "pool", {y}, pool_of(PoolKind::max));
    const ValueId flat = b.op(Op::Reshape, "flat", {pool}, ReshapeAttrs{ReshapeAttrs::Kind::flatten, {1}, false});
    b.output(b.relu(flat));
    fuse(b);
    CHECK(ops_of(b.graph) == "Conv2d Pool Reshape");
  }
  CHECK(count(b.graph, Op::Unary) == 0);
}

TEST_CASE("the fused value keeps the name that the model's caller knows") {
  Builder b;
  const ValueId x = b.input("x", {1, 3});
  const ValueId relu = b.relu(b.binary(BinaryFn::add, x, b.random("c", {3})));
  b.graph[relu].name = "scores";
  b.output(relu);
  fuse(b);
  CHECK(ops_of(b.graph) == "Binary");
  CHECK(b.graph[b.graph.outputs[0]].name == "scores");
}

TEST_CASE("a Relu stays where the op before cannot take it") {
  Builder b;
  const ValueId x = b.input("x", {1, 2, 4, 4});
  SECTION("someone else reads the op") {
    const ValueId y = b.conv("conv", x, b.random("w", {2, 2, 1, 1}));
    b.output(b.relu(y));
    b.output(b.unary(UnaryFn::sigmoid, y));
  }
  SECTION("the op's result is an output") {
    const ValueId y = b.conv("conv", x, b.random("w", {2, 2, 1, 1}));
    b.output(b.relu(y));
    b.output(y);
  }
  SECTION("an average pool has no clamp") { b.output(b.relu(b.op(Op::Pool, "pool", {x}, pool_of(PoolKind::average)))); }
  SECTION("never across a Quantize") {
    const ValueId y = b.conv("conv", x, b.random("w", {2, 2, 1, 1}));
    b.output(b.relu(b.quantize_dequantize(y, 0.1F, 100)));
  }
  fuse(b);
  CHECK(count(b.graph, Op::Unary) >= 1);
}

TEST_CASE("Relu between a convolution and its Quantize is fused") {
  Builder b;
  const ValueId x = b.quantize_dequantize(b.input("x", {1, 2, 4, 4}), 0.02F, 128);
  b.output(b.quantize_dequantize(b.relu(b.conv("conv", x, b.random("w", {2, 2, 1, 1}))), 0.05F, 0));
  fuse(b);
  CHECK(ops_of(b.graph) == "Quantize Dequantize Conv2d Quantize Dequantize");
}

TEST_CASE("activations written as several nodes") {
  Builder b;
  const ValueId x = b.input("x", {2, 8});
  const ValueId three = b.real("three", {}, {3}), six = b.real("six", {1}, {6}),
                sixth = b.real("sixth", {}, {1.0F / 6});
  const ValueId half = b.real("half", {}, {0.5F}), one = b.real("one", {}, {1}),
                root = b.real("root", {}, {1.41421356F});
  const auto add = [&](ValueId p, ValueId q) { return b.binary(BinaryFn::add, p, q); };
  const auto mul = [&](ValueId p, ValueId q) { return b.binary(BinaryFn::mul, p, q); };
  const auto div = [&](ValueId p, ValueId q) { return b.binary(BinaryFn::div, p, q); };
  const auto relu6 = [&] { return b.clip(add(x, three), 0, 6); };
  const auto gate = [&] { return add(b.unary(UnaryFn::erf, div(x, root)), one); };
  UnaryFn expected = UnaryFn::hard_swish;

  SECTION("SiLU") { b.output(mul(x, b.unary(UnaryFn::sigmoid, x))), expected = UnaryFn::silu; }
  SECTION("SiLU, gate first") { b.output(mul(b.unary(UnaryFn::sigmoid, x), x)), expected = UnaryFn::silu; }
  SECTION("HardSwish with HardSigmoid") { b.output(mul(x, b.unary(UnaryFn::hard_sigmoid, x, 1.0F / 6, 0.5F))); }
  SECTION("HardSwish: x * (relu6(x + 3) / 6)") { b.output(mul(x, div(relu6(), six))); }
  SECTION("HardSwish: x * relu6(x + 3) / 6") { b.output(div(mul(x, relu6()), six)); }
  SECTION("HardSwish: x * relu6(x + 3) * (1 / 6)") { b.output(mul(mul(relu6(), x), sixth)); }
  SECTION("HardSwish: x * (1 / 6) * relu6(3 + x)") { b.output(mul(mul(x, sixth), b.clip(add(three, x), 0, 6))); }
  SECTION("HardSigmoid: relu6(x + 3) / 6") { b.output(div(relu6(), six)), expected = UnaryFn::hard_sigmoid; }
  SECTION("GELU: x * (1 + erf) * 0.5") { b.output(mul(mul(x, gate()), half)), expected = UnaryFn::gelu_erf; }
  SECTION("GELU: (x * 0.5) * (1 + erf)") { b.output(mul(mul(x, half), gate())), expected = UnaryFn::gelu_erf; }
  SECTION("GELU: x * (0.5 * (1 + erf))") { b.output(mul(x, mul(half, gate()))), expected = UnaryFn::gelu_erf; }
  fuse(b);
  CHECK(only(b.graph, Op::Unary).as<UnaryAttrs>().fn == expected);
  CHECK(ops_of(b.graph) == "Unary");
}

TEST_CASE("what only looks like an activation stays as it is") {
  Builder b;
  const ValueId x = b.input("x", {2, 8}), y = b.input("y", {2, 8});
  const ValueId three = b.real("three", {}, {3}), six = b.real("six", {1}, {6});
  SECTION("the gate is of another value") { b.output(b.binary(BinaryFn::mul, y, b.unary(UnaryFn::sigmoid, x))); }
  SECTION("the gate is read elsewhere") {
    const ValueId gate = b.unary(UnaryFn::sigmoid, x);
    b.output(b.binary(BinaryFn::mul, x, gate));
    b.output(gate);
  }
  SECTION("another slope") { b.output(b.binary(BinaryFn::mul, x, b.unary(UnaryFn::hard_sigmoid, x, 0.2F, 0.5F))); }
  SECTION("another bound") { b.output(b.binary(BinaryFn::div, b.clip(b.binary(BinaryFn::add, x, three), 0, 5), six)); }
  SECTION("six divided by") { b.output(b.binary(BinaryFn::div, six, b.clip(b.binary(BinaryFn::add, x, three), 0, 6))); }
  const int binaries = count(b.graph, Op::Binary);
  REQUIRE(fuse_activations(b.graph).ok());
  CHECK(count(b.graph, Op::Binary) == binaries);
}
