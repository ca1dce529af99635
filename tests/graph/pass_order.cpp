// SPDX-License-Identifier: Apache-2.0
// simplify() and lower() as a whole: what Model::load and Session::create do.
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

namespace {

ValueId quantized_layer(Builder& b, const std::string& name, ValueId x, std::int64_t out) {
  const std::int64_t in = b.graph[x].shape[1];
  const ValueId w = b.dequantize(b.codes(name + "_w", {out, in, 3, 3}, DType::s8, 0));
  return b.conv(name, x, w, b.dequantize(b.bias(name + "_b", out, 0.0002F)), 1);
}

// A residual network as a QDQ exporter writes it, of a symbolic batch.
Builder qdq_network(DType codes) {
  const int middle = codes == DType::u8 ? 128 : 0, least = middle - 128;
  Builder b;
  ValueId x = b.quantize_dequantize(b.input("image", {-1, 2, 8, 8}), 0.02F, middle, codes);
  x = b.quantize_dequantize(b.relu(quantized_layer(b, "stem", x, 4)), 0.05F, least, codes);
  ValueId y = b.quantize_dequantize(b.relu(quantized_layer(b, "one", x, 4)), 0.05F, least, codes);
  y = b.quantize_dequantize(quantized_layer(b, "two", y, 4), 0.06F, middle, codes);
  x = b.quantize_dequantize(b.relu(b.binary(BinaryFn::add, x, y)), 0.07F, least, codes);
  x = b.op(Op::Pool, "max", {x}, pool_of(PoolKind::max));
  x = b.quantize_dequantize(x, 0.07F, least, codes);
  x = b.op(Op::Reshape, "flat", {x}, ReshapeAttrs{ReshapeAttrs::Kind::flatten, {1}, false});
  const ValueId w = b.dequantize(b.codes("fc_w", {64, 3}, DType::s8, 1));
  x = b.op(Op::MatMul, "fc", {x, w}, MatMulAttrs{});
  x = b.binary(BinaryFn::add, x, b.random("fc_b", {3}));
  b.output(b.quantize_dequantize(x, 0.2F, middle, codes));
  return b;
}

}  // namespace

TEST_CASE("a QDQ network becomes int8 ops between two borders") {
  Builder b = qdq_network(DType::u8);
  REQUIRE(simplify(b.graph).ok());
  CHECK(ops_of(b.graph) == "Quantize Conv2d Conv2d Conv2d Binary Pool Reshape Dense Dequantize");
  for (const Node& node : b.graph.nodes) CHECK(node.reason.empty());
  check_consistent(b.graph);
}

TEST_CASE("lowered for either signedness it gives the numbers of the file") {
  const DType declared = GENERATE(DType::u8, DType::s8), wanted = GENERATE(DType::u8, DType::s8);
  Builder b = qdq_network(declared);
  Graph file = b.graph;
  REQUIRE(bind_shapes(file, {{"image", {3, 2, 8, 8}}}).ok());
  REQUIRE(simplify(b.graph).ok());
  BindOptions options;
  options.input_shapes = {{"image", {3, 2, 8, 8}}};
  options.activation = wanted;
  const Status status = lower(b.graph, options);
  INFO(status.message());
  REQUIRE(status.ok());
  check_consistent(b.graph);
  CHECK(ops_of(b.graph) == "Quantize Transpose Conv2d Conv2d Conv2d Pool Reshape Dense Dequantize");
  for (const Node& node : b.graph.nodes)
    for (ValueId id : node.outputs) CHECK((!b.graph[id].is_quantized() || b.graph[id].dtype == wanted));
  CHECK(difference(file, b.graph) < 1e-9);
}

TEST_CASE("a float network is folded and fused") {
  Builder b;
  ValueId x = b.input("x", {-1, 2, 8, 8});
  x = b.conv("conv", x, b.random("w", {4, 2, 3, 3}), kNone, 1);
  x = b.op(Op::BatchNorm, "norm",
           {x, b.random("g", {4}), b.random("b", {4}), b.random("m", {4}), b.random("v", {4}, 1, 2)}, BatchNormAttrs{});
  x = b.clip(x, 0, 6);
  x = b.op(Op::Pool, "pool", {x}, global_pool(PoolKind::average));
  x = b.op(Op::Reshape, "flat", {x}, ReshapeAttrs{ReshapeAttrs::Kind::flatten, {1}, false});
  x = b.op(Op::MatMul, "fc", {x, b.random("fw", {4, 3})}, MatMulAttrs{});
  b.output(b.op(Op::Softmax, "p", {b.binary(BinaryFn::add, x, b.random("fb", {3}))}, SoftmaxAttrs{1}));
  REQUIRE(simplify(b.graph).ok());
  CHECK(ops_of(b.graph) == "Conv2d Pool Reshape Dense Softmax");
  CHECK(only(b.graph, Op::Conv2d).as<Conv2dAttrs>().clamp == Clamp{0, 6});
  Graph canonical = b.graph;
  REQUIRE(bind_shapes(canonical, {}).ok());
  REQUIRE(lower(b.graph, {}).ok());
  CHECK(ops_of(b.graph) == "Transpose Conv2d Pool Reshape Dense Softmax");
  CHECK(difference(canonical, b.graph) < 1e-9);
}

TEST_CASE("simplifying twice changes nothing") {
  Builder b = qdq_network(DType::u8);
  REQUIRE(simplify(b.graph).ok());
  const std::string once = ops_of(b.graph);
  REQUIRE(simplify(b.graph).ok());
  CHECK(ops_of(b.graph) == once);
}
