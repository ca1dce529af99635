// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/convert.h"

#include "graph/quantize/placement.h"
#include "tests/quantize/graphs.h"

using namespace octet;
using namespace octet::graph;
using test::GraphBuilder;

namespace {

std::vector<ValueId> observed_values(const Graph& fp32) {
  std::vector<ValueId> values;
  for (const Wanted& wanted : values_to_observe(fp32, {})) values.push_back(wanted.value);
  return values;
}

// Converts with a range for every value; nodes that stay in order are checked by the callers.
Graph converted(const Graph& fp32, const QConfig& config = {}) {
  auto result = convert(fp32, test::ranges_for(fp32), config);
  INFO(result.status().message());
  REQUIRE(result.ok());
  const Status status = infer_shapes(*result);  // the int8 graph obeys every op's own rules
  INFO(status.message());
  REQUIRE(status.ok());
  return *result;
}

Quant quant_from(const Graph& fp32, ValueId value) {
  return choose_qparams(test::ranges_for(fp32)[static_cast<std::size_t>(value)], {}).value();
}

}  // namespace

TEST_CASE("a convolution becomes Quantize, int8 Conv2d, Dequantize; names and types of the model stay") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {-1, 3, 8, 8});
  const ValueId y = builder.conv("y", x, 3, 4, 3, 1, test::kRelu);
  const Graph fp32 = builder.finish({y});
  const Graph int8 = converted(fp32);
  REQUIRE(int8.nodes.size() == 3);
  CHECK(int8.nodes[0].op == Op::Quantize);
  CHECK(int8.nodes[2].op == Op::Dequantize);
  CHECK(int8[int8.inputs[0]].name == "x");
  CHECK(int8[int8.inputs[0]].dtype == DType::f32);
  CHECK(int8[int8.outputs[0]].name == "y");
  CHECK(int8[int8.outputs[0]].dtype == DType::f32);
  CHECK(int8[int8.outputs[0]].shape == Shape{-1, 4, 8, 8});

  const Node& conv = int8.nodes[1];
  CHECK(conv.op == Op::Conv2d);
  CHECK(conv.as<Conv2dAttrs>().clamp == test::kRelu);
  CHECK(conv.reason.empty());
  CHECK(int8.input(conv, 0).name == "x_quantized");
  CHECK(int8.input(conv, 0).dtype == DType::u8);
  CHECK(int8.input(conv, 0).quant == quant_from(fp32, x));
  CHECK(int8.input(conv, 1).dtype == DType::s8);
  CHECK(int8.input(conv, 1).quant.axis == 0);
  CHECK(int8.input(conv, 2).dtype == DType::s32);
  CHECK(int8.output(conv).name == "y_quantized");
  CHECK(int8.output(conv).quant == quant_from(fp32, y));
  for (const Value& value : int8.values) CHECK(value.name != "y_w");  // the float weight is gone
}

TEST_CASE("moves keep their input's parameters and are not observed") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId a = builder.conv("a", x, 3, 4);
  const ValueId pool = builder.max_pool("pool", a);
  const ValueId moved = builder.node("moved", Op::Transpose, {pool}, TransposeAttrs{{0, 2, 3, 1}});
  const ValueId y = builder.unary("y", UnaryFn::elu, moved);
  const Graph fp32 = builder.finish({y});
  CHECK(observed_values(fp32) == std::vector<ValueId>{x, a, y});
  const Graph int8 = converted(fp32);
  CHECK(int8.output(test::node_called(int8, "moved")).quant == quant_from(fp32, a));
  CHECK(int8.output(test::node_called(int8, "pool")).quant == quant_from(fp32, a));
  CHECK(int8.output(test::node_called(int8, "a")).name == "a");
  CHECK(test::count_ops(int8, Op::Quantize) == 1);
  CHECK(test::count_ops(int8, Op::Dequantize) == 1);
}

TEST_CASE("a float operator in the middle is fenced by Dequantize and Quantize, once each") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId a = builder.conv("a", x, 3, 4);
  const ValueId log = builder.unary("log", UnaryFn::log, a);
  const ValueId div = builder.binary("div", BinaryFn::div, log, a);
  const ValueId b = builder.conv("b", div, 4, 2);
  const ValueId c = builder.conv("c", div, 4, 2);
  const Graph int8 = converted(builder.finish({b, c}));
  CHECK(int8.input(test::node_called(int8, "log"), 0).name == "a_dequantized");
  CHECK(int8.input(test::node_called(int8, "div"), 1).name == "a_dequantized");
  CHECK(int8.input(test::node_called(int8, "b"), 0).name == "div_quantized");
  CHECK(int8.input(test::node_called(int8, "c"), 0).name == "div_quantized");
  CHECK(test::count_ops(int8, Op::Quantize) == 2);
  CHECK(test::count_ops(int8, Op::Dequantize) == 3);
  CHECK(test::node_called(int8, "log").reason.find("steep") != std::string::npos);
  CHECK_FALSE(test::node_called(int8, "div").reason.empty());
}

TEST_CASE("what no int8 operator touches is left alone") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId side = builder.input("side", {2, 6});
  const ValueId turned = builder.node("turned", Op::Transpose, {side}, TransposeAttrs{{1, 0}});
  const ValueId root = builder.unary("root", UnaryFn::sqrt, turned);
  const ValueId y = builder.conv("y", x, 3, 4);
  const Graph fp32 = builder.finish({y, root});
  CHECK(observed_values(fp32) == std::vector<ValueId>{x, y});
  const Graph int8 = converted(fp32);
  CHECK(int8.inputs.size() == 2);
  CHECK(int8[int8.inputs[1]].dtype == DType::f32);
  CHECK(test::node_called(int8, "turned").reason == "no int8 operator beside it");
  CHECK(test::count_ops(int8, Op::Quantize) == 1);
}

TEST_CASE("Concat gives its parameters to those that it alone reads") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId a = builder.conv("a", x, 3, 4);  // read by the concat alone, through a pool
  const ValueId pool = builder.max_pool("pool", a);
  const ValueId b0 = builder.max_pool("b0", builder.conv("b", x, 3, 2));
  const ValueId b1 = builder.unary("b1", UnaryFn::leaky_relu, b0);
  const ValueId gate = builder.unary("gate", UnaryFn::sigmoid, b0);  // its parameters are fixed
  const ValueId inner = builder.concat("inner", {pool, b1});
  const ValueId y = builder.concat("y", {inner, gate, b0});  // b0 has other readers
  const Graph fp32 = builder.finish({y});
  const Graph int8 = converted(fp32);
  const Quant shared = quant_from(fp32, y);
  for (const char* name : {"a", "pool", "b1", "inner"}) {
    INFO(name);
    CHECK(int8.output(test::node_called(int8, name)).quant == shared);
  }
  CHECK(int8.output(test::node_called(int8, "gate")).quant == Quant{{1.0F / 256}, {0}, -1});
  CHECK(int8.output(test::node_called(int8, "b0")).quant != shared);
  CHECK(int8.output(test::node_called(int8, "b0")).quant == int8.output(test::node_called(int8, "b")).quant);
}

TEST_CASE("a value that is an output of the model too keeps its own parameters in a Concat") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId a = builder.conv("a", x, 3, 4), b = builder.conv("b", x, 3, 4);
  const ValueId y = builder.concat("y", {a, b});
  const Graph fp32 = builder.finish({a, y});
  const Graph int8 = converted(fp32);
  CHECK(int8.output(test::node_called(int8, "a")).quant == quant_from(fp32, a));
  CHECK(int8.output(test::node_called(int8, "b")).quant == quant_from(fp32, y));
}

TEST_CASE("fixed ranges: softmax and sigmoids 1/256, tanh 2/256") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 6});
  const ValueId s = builder.unary("s", UnaryFn::sigmoid, x);
  const ValueId h = builder.unary("h", UnaryFn::hard_sigmoid, s);
  const ValueId t = builder.unary("t", UnaryFn::tanh, h);
  const ValueId y = builder.node("y", Op::Softmax, {t}, SoftmaxAttrs{1});
  const Graph fp32 = builder.finish({y});
  CHECK(observed_values(fp32) == std::vector<ValueId>{x});
  QConfig signed_codes;
  signed_codes.activation = {DType::s8, Scheme::affine, -128, 127, false};
  const Graph u8 = converted(fp32), s8 = converted(fp32, signed_codes);
  for (const char* name : {"s", "h", "y"}) {
    CHECK(u8.output(test::node_called(u8, name)).quant == Quant{{1.0F / 256}, {0}, -1});
    CHECK(s8.output(test::node_called(s8, name)).quant == Quant{{1.0F / 256}, {-128}, -1});
  }
  CHECK(u8.output(test::node_called(u8, "t")).quant == Quant{{2.0F / 256}, {128}, -1});
  CHECK(s8.output(test::node_called(s8, "t")).quant == Quant{{2.0F / 256}, {0}, -1});
  CHECK(s8.output(test::node_called(s8, "t")).dtype == DType::s8);
}

TEST_CASE("a constant operand is quantized over its own range") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 2, 2, 2});
  const ValueId k = builder.constant("k", {2, 1, 1}, {-1, 3});
  const ValueId y = builder.binary("y", BinaryFn::mul, x, k);
  const Graph int8 = converted(builder.finish({y}));
  const Value& codes = int8.input(test::node_called(int8, "y"), 1);
  CHECK(codes.quant == Quant{{4.0F / 255}, {64}, -1});
  CHECK(codes.as<std::uint8_t>()[0] == 0);
  CHECK(codes.as<std::uint8_t>()[1] == 255);
  CHECK(codes.name == "k_quantized");
}

TEST_CASE("what int8 cannot carry stays float and says why, and its neighbours adapt") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 70000});
  const std::vector<float> ones(70000, 1);
  const ValueId wide = builder.node("wide", Op::Dense, {x, builder.constant("w", {1, 70000}, ones)}, DenseAttrs{});
  const ValueId y = builder.unary("y", UnaryFn::elu, wide);
  const Graph fp32 = builder.finish({y});
  auto ranges = test::ranges_for(fp32);
  ranges[static_cast<std::size_t>(x)] = {0, 1};
  const Graph int8 = convert(fp32, ranges, {}).value();
  CHECK(test::node_called(int8, "wide").reason.find("overflow") != std::string::npos);
  CHECK(int8.input(test::node_called(int8, "wide"), 0).name == "x");
  CHECK(int8.input(test::node_called(int8, "wide"), 1).dtype == DType::f32);
  CHECK(int8.output(test::node_called(int8, "y")).is_quantized());
  CHECK(test::count_ops(int8, Op::Quantize) == 1);
}

TEST_CASE("a sum far smaller than its terms gets a scale that can be computed") {
  GraphBuilder builder;
  const ValueId a = builder.input("a", {1, 4}), b = builder.input("b", {1, 4});
  const ValueId d = builder.binary("d", BinaryFn::sub, a, b);
  const ValueId e = builder.binary("e", BinaryFn::add, d, d);
  const ValueId y = builder.concat("y", {e, e});
  const Graph fp32 = builder.finish({y});
  auto ranges = test::ranges_for(fp32);
  ranges[static_cast<std::size_t>(a)] = {-1e9F, 1e9F};
  for (ValueId small : {d, e, y}) ranges[static_cast<std::size_t>(small)] = {0, 1e-9F};
  const Graph int8 = convert(fp32, ranges, {}).value();
  for (const char* name : {"d", "e"}) {
    const Node& node = test::node_called(int8, name);
    CHECK(node.reason.empty());
    CHECK(int8.input(node, 0).quant.scale[0] / int8.output(node).quant.scale[0] < 524288);
    CHECK(int8.output(node).quant.zero_point[0] == 0);
  }
}

TEST_CASE("steep functions are tables between codes and float functions beside floats") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId table = builder.unary("table", UnaryFn::sqrt, builder.conv("a", x, 3, 4));
  const ValueId first = builder.unary("first", UnaryFn::sqrt, builder.conv("b", table, 4, 4));
  const ValueId second = builder.unary("second", UnaryFn::reciprocal, first);
  const Graph int8 = converted(builder.finish({builder.conv("y", second, 4, 4)}));
  CHECK(int8.output(test::node_called(int8, "table")).is_quantized());
  CHECK_FALSE(int8.output(test::node_called(int8, "first")).is_quantized());
  CHECK(test::node_called(int8, "second").reason.find("steep") != std::string::npos);
}

TEST_CASE("weights computed at run time and constants that are no numbers stay float") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 2, 4, 4}), w = builder.input("w", {2, 2, 1, 1});
  const ValueId c = builder.node("c", Op::Conv2d, {x, w}, Conv2dAttrs{});
  const ValueId a = builder.binary("a", BinaryFn::add, c, builder.constant("k", {1}, {INFINITY}));
  const ValueId p = builder.node("p", Op::Pad, {a}, PadAttrs{{0, 0, 1, 1}, {0, 0, 1, 1}, 1.5F});
  const ValueId y = builder.conv("y", p, 2, 2);
  const Graph fp32 = builder.finish({y});
  const Graph int8 = converted(fp32);
  CHECK(test::node_called(int8, "c").reason.find("run time") != std::string::npos);
  CHECK(test::node_called(int8, "a").reason.find("'k' is not finite") != std::string::npos);
  CHECK(int8.output(test::node_called(int8, "p")).quant == quant_from(fp32, p));  // its border is a new value
  CHECK(int8.output(test::node_called(int8, "y")).is_quantized());
}

TEST_CASE("integer tensors and the shape of a tensor that became codes are not touched") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 2, 4, 4}), ids = builder.input("ids", {3}, DType::s64);
  const ValueId a = builder.conv("a", x, 2, 2);
  const ValueId shape = builder.node("shape", Op::Shape, {a});
  const ValueId picked = builder.node("picked", Op::Gather, {shape, ids}, GatherAttrs{0});
  const ValueId rows = builder.node("rows", Op::Gather, {a, ids}, GatherAttrs{2});
  const Graph int8 = converted(builder.finish({picked, rows}));
  CHECK(int8.input(test::node_called(int8, "shape"), 0).name == "a");
  CHECK(int8.output(test::node_called(int8, "picked")).dtype == DType::s64);
  CHECK(test::node_called(int8, "picked").reason == "makes s64 values");
  CHECK(int8.output(test::node_called(int8, "rows")).quant == int8.output(test::node_called(int8, "a")).quant);
}

TEST_CASE("values that were never observed are named, with what to do") {
  GraphBuilder builder;
  const ValueId x = builder.input("pixels", {1, 3, 8, 8});
  const ValueId a = builder.conv("stem", x, 3, 4);
  const ValueId y = builder.conv("head", a, 4, 4);
  const Graph fp32 = builder.finish({y});
  auto ranges = test::ranges_for(fp32);
  ranges[static_cast<std::size_t>(a)] = {};
  CHECK(convert(fp32, ranges, {}).status().message() ==
        "values never observed: 'stem': call observe() with at least one sample before convert()");
  const std::string all = convert(fp32, {}, {}).status().message();
  CHECK(all.find("'pixels', 'stem', 'head'") != std::string::npos);

  GraphBuilder many;
  ValueId v = many.input("v", {1, 2, 4, 4});
  for (int i = 0; i < 12; ++i) v = many.conv("c" + std::to_string(i), v, 2, 2);
  CHECK(convert(many.finish({v}), {}, {}).status().message().find("and 5 more") != std::string::npos);
}

TEST_CASE("ranges that no scale can cover name their value; a quantized graph is refused") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 8, 8});
  const ValueId y = builder.conv("huge", x, 3, 4);
  const Graph fp32 = builder.finish({y});
  auto ranges = test::ranges_for(fp32);
  ranges[static_cast<std::size_t>(y)] = {-3e38F, 3e38F};
  CHECK(convert(fp32, ranges, {}).status().message().find("value 'huge': range [-3e+38, 3e+38]") == 0);
  CHECK(convert(converted(fp32), {}, {}).status().message().find("already") != std::string::npos);
  QConfig broken;
  broken.activation.quant_max = 300;
  CHECK(convert(fp32, ranges, broken).status().message().find("activations: codes 0 to 300") == 0);
}
