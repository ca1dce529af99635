// SPDX-License-Identifier: Apache-2.0
// lower_qdq on layers and ops between borders.
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

namespace {

// Lowers, and checks that the rounded numbers stay the same.
void lower_and_compare(Builder& b) {
  const Graph before = b.graph;
  const Status status = lower_qdq(b.graph);
  INFO(status.message());
  REQUIRE(status.ok());
  REQUIRE(remove_dead(b.graph).ok());
  INFO(ops_of(b.graph));
  check_consistent(b.graph);
  CHECK(difference(before, b.graph) < 1e-9);
}

ValueId codes_of_x(Builder& b, const Shape& shape = {1, 4, 5, 5}) {
  return b.codes_input("x", shape, DType::u8, 0.02F, 120);
}

void output_codes(Builder& b, ValueId real) { b.output(b.quantize(real, 0.05F, 100)); }

}  // namespace

TEST_CASE("Dequantize -> Conv2d -> Quantize is one int8 op") {
  Builder b;
  const ValueId x = b.dequantize(codes_of_x(b));
  ValueId w = kNone, bias = kNone;
  SECTION("weights s8 per channel, bias s32") {
    w = b.dequantize(b.codes("w", {6, 4, 3, 3}, DType::s8, 0));
    bias = b.dequantize(b.bias("b", 6, 0.0002F));
  }
  SECTION("weights u8 per tensor with a zero point, no bias") {
    w = b.dequantize(b.codes("w", {6, 4, 3, 3}, DType::u8, -1, 131));
  }
  SECTION("float bias") {
    w = b.dequantize(b.codes("w", {6, 4, 3, 3}, DType::s8));
    bias = b.random("b", {6});
  }
  SECTION("weights as floats between Quantize and Dequantize") {
    w = b.quantize_dequantize(b.random("w", {6, 4, 3, 3}), 0.01F, 0, DType::s8);
  }
  SECTION("weights of a 1-d convolution: axes added behind the Dequantize") {
    w = b.dequantize(b.codes("w", {6, 4, 3}, DType::s8, 0));
    w = b.op(Op::Reshape, "image_w", {w}, ReshapeAttrs{ReshapeAttrs::Kind::unsqueeze, {2}, false});
  }
  output_codes(b, b.conv("conv", x, w, bias, 1));
  lower_and_compare(b);
  REQUIRE(ops_of(b.graph) == "Conv2d");
  const Node& conv = b.graph.nodes[0];
  CHECK(conv.reason.empty());
  CHECK(b.graph.input(conv, 0).dtype == DType::u8);
  CHECK(b.graph.input(conv, 1).is_constant());
  CHECK(b.graph.input(conv, 1).is_quantized());
  CHECK(b.graph.output(conv).quant.scale[0] == 0.05F);
  if (bias != kNone) CHECK(b.graph.input(conv, 2).is_constant());
}

TEST_CASE("an 8-bit bias becomes a float constant") {
  Builder b;
  const ValueId x = b.dequantize(codes_of_x(b, {2, 4}));
  const ValueId w = b.dequantize(b.codes("w", {3, 4}, DType::s8, 0));
  output_codes(b, b.op(Op::Dense, "dense", {x, w, b.dequantize(b.codes("b", {3}, DType::u8, -1, 7))}, DenseAttrs{}));
  lower_and_compare(b);
  CHECK(ops_of(b.graph) == "Dense");
  CHECK(b.graph.input(b.graph.nodes[0], 2).dtype == DType::f32);
}

TEST_CASE("the clamp of a fused Relu goes along") {
  Builder b;
  const ValueId x = b.dequantize(codes_of_x(b));
  const ValueId w = b.dequantize(b.codes("w", {2, 4, 1, 1}, DType::s8, 0));
  output_codes(b, b.relu(b.conv("conv", x, w)));
  REQUIRE(fuse_activations(b.graph).ok());
  lower_and_compare(b);
  CHECK(ops_of(b.graph) == "Conv2d");
  CHECK(b.graph.nodes[0].as<Conv2dAttrs>().clamp.lo == 0);
}

TEST_CASE("layers whose result stays float still compute on codes") {
  Builder b;
  const ValueId x = b.dequantize(codes_of_x(b, {2, 4}));
  SECTION("a float op reads it") {
    const ValueId w = b.dequantize(b.codes("w", {3, 4}, DType::s8, 0));
    b.output(b.op(Op::Softmax, "p", {b.op(Op::Dense, "layer", {x, w}, DenseAttrs{})}, SoftmaxAttrs{-1}));
  }
  SECTION("Quantize and a float op read it") {
    const ValueId w = b.dequantize(b.codes("w", {3, 4}, DType::s8));
    const ValueId y = b.op(Op::Dense, "layer", {x, w}, DenseAttrs{});
    b.output(y);
    output_codes(b, y);
  }
  SECTION("two activations") {
    const ValueId y = b.dequantize(b.codes_input("y", {4, 5}, DType::s8, 0.01F, 3));
    b.output(b.op(Op::MatMul, "layer", {x, y}, MatMulAttrs{}));
  }
  lower_and_compare(b);
  const Node& layer = named(b.graph, "layer");
  CHECK(b.graph.input(layer, 0).is_quantized());
  CHECK(b.graph.input(layer, 1).is_quantized());
  CHECK(b.graph.output(layer).dtype == DType::f32);
  CHECK(layer.reason.empty());
  CHECK(count(b.graph, Op::Dequantize) == 0);
}

TEST_CASE("ops with codes in and codes out") {
  Builder b;
  const ValueId x = b.dequantize(codes_of_x(b));
  std::string expected;
  SECTION("Add") {
    const ValueId y = b.dequantize(b.codes_input("y", {1, 4, 5, 5}, DType::s8, 0.03F, -4));
    output_codes(b, b.binary(BinaryFn::add, x, y)), expected = "Binary";
  }
  SECTION("Add of a value to itself") { output_codes(b, b.binary(BinaryFn::add, x, x)), expected = "Binary"; }
  SECTION("Mul by constant codes") {
    output_codes(b, b.binary(BinaryFn::mul, x, b.dequantize(b.codes("c", {4, 1, 1}, DType::u8)))), expected = "Binary";
  }
  SECTION("average pool") { output_codes(b, b.op(Op::Pool, "y", {x}, pool_of(PoolKind::average))), expected = "Pool"; }
  SECTION("global pool") {
    output_codes(b, b.op(Op::Pool, "y", {x}, global_pool(PoolKind::average))), expected = "Pool";
  }
  SECTION("ReduceMean") {
    output_codes(b, b.op(Op::ReduceMean, "y", {x}, ReduceMeanAttrs{{2, 3}, false})), expected = "ReduceMean";
  }
  SECTION("Softmax") { output_codes(b, b.op(Op::Softmax, "y", {x}, SoftmaxAttrs{1})), expected = "Softmax"; }
  SECTION("Relu alone") { output_codes(b, b.relu(x)), expected = "Unary"; }
  SECTION("HardSwish") { output_codes(b, b.unary(UnaryFn::hard_swish, x)), expected = "Unary"; }
  SECTION("Concat of two scales") {
    const ValueId y = b.dequantize(b.codes_input("y", {1, 2, 5, 5}, DType::u8, 0.03F, 9));
    output_codes(b, b.op(Op::Concat, "y2", {x, y}, ConcatAttrs{1})), expected = "Concat";
  }
  SECTION("average pool, then Relu: the Relu works on the pool's codes") {
    output_codes(b, b.relu(b.op(Op::Pool, "y", {x}, pool_of(PoolKind::average)))), expected = "Pool Unary";
  }
  lower_and_compare(b);
  CHECK(ops_of(b.graph) == expected);
  for (const Node& node : b.graph.nodes) CHECK(node.reason.empty());
}

TEST_CASE("a whole block with a residual, its last Dequantize at the output") {
  Builder b;
  ValueId x = b.quantize_dequantize(b.input("x", {2, 4, 6, 6}), 0.02F, 128);
  const auto layer = [&](const std::string& name, ValueId in) {
    const ValueId w = b.dequantize(b.codes(name + "_w", {4, 4, 3, 3}, DType::s8, 0));
    return b.conv(name, in, w, b.dequantize(b.bias(name + "_b", 4, 0.0002F)), 1);
  };
  x = b.quantize_dequantize(b.relu(layer("one", x)), 0.04F, 0);
  const ValueId y = b.quantize_dequantize(layer("two", x), 0.05F, 127);
  const ValueId sum = b.quantize_dequantize(b.relu(b.binary(BinaryFn::add, x, y)), 0.06F, 0);
  const ValueId pooled = b.quantize_dequantize(b.op(Op::Pool, "pool", {sum}, global_pool(PoolKind::average)), 0.03F, 0);
  ValueId flat = b.op(Op::Reshape, "flat", {pooled}, ReshapeAttrs{ReshapeAttrs::Kind::flatten, {1}, false});
  flat = b.quantize_dequantize(flat, 0.03F, 0);
  const ValueId w = b.dequantize(b.codes("fc_w", {3, 4}, DType::s8));
  const ValueId scores = b.op(Op::Dense, "fc", {flat, w, b.dequantize(b.bias("fc_b", 3, 0.0003F))}, DenseAttrs{});
  b.output(b.quantize_dequantize(scores, 0.1F, 90));
  REQUIRE(fuse_activations(b.graph).ok());
  lower_and_compare(b);
  CHECK(ops_of(b.graph) == "Quantize Conv2d Conv2d Binary Pool Reshape Dense Dequantize");
}

TEST_CASE("codes in fewer than 8 bits: a Clip of codes becomes a clamp") {
  Builder b;
  const ValueId x = b.dequantize(codes_of_x(b));
  const ValueId w = b.dequantize(b.codes("w", {2, 4, 1, 1}, DType::s8, 0));
  ValueId y = b.conv("conv", x, w);
  std::string expected = "Conv2d Dequantize";
  SECTION("behind a convolution") {}
  SECTION("behind an op without a clamp") {
    y = b.op(Op::Pool, "pool", {y}, pool_of(PoolKind::average));
    b.graph.nodes.pop_back(), b.graph.nodes.pop_back();
    y = b.op(Op::Pool, "pool", {x}, pool_of(PoolKind::average));
    expected = "Pool Unary Dequantize";
  }
  const ValueId codes = b.quantize(y, 0.05F, 60);
  Value clipped = b.graph[codes];
  clipped.name = "clipped";
  const ValueId id = b.graph.add_value(clipped);
  b.graph.nodes.push_back({"clip", Op::Unary, {codes}, {id}, UnaryAttrs{UnaryFn::clip, 0, 0, {-3, 3.35F}}, {}});
  b.output(b.dequantize(id));
  lower_and_compare(b);
  REQUIRE(ops_of(b.graph) == expected);
  const Clamp clamp = expected[0] == 'C' ? only(b.graph, Op::Conv2d).as<Conv2dAttrs>().clamp
                                         : only(b.graph, Op::Unary).as<UnaryAttrs>().clip;
  CHECK(clamp == Clamp{-3, 3.35F});
}

TEST_CASE("parameters from the middle of nowhere") {
  Builder b;
  SECTION("no borders: nothing happens, no reasons") {
    b.output(b.relu(b.input("x", {2})));
    REQUIRE(lower_qdq(b.graph).ok());
    CHECK(b.graph.nodes[0].reason.empty());
  }
  SECTION("borders around nothing cancel") {
    const ValueId x = codes_of_x(b);
    b.output(b.unary(UnaryFn::sigmoid, b.quantize_dequantize(b.dequantize(x), 0.02F, 120)));
    lower_and_compare(b);
    CHECK(ops_of(b.graph) == "Dequantize Unary");
  }
  SECTION("other parameters: Requantize") {
    const ValueId x = codes_of_x(b);
    b.output(b.quantize(b.dequantize(x), 0.04F, 10, DType::s8));
    lower_and_compare(b);
    CHECK(ops_of(b.graph) == "Requantize");
  }
  SECTION("codes straight from input to output keep both names") {
    const ValueId x = codes_of_x(b);
    b.output(b.quantize(b.dequantize(x), 0.02F, 120));
    lower_and_compare(b);
    CHECK(ops_of(b.graph) == "Requantize");
    CHECK(b.graph[b.graph.inputs[0]].name == "x");
  }
}
