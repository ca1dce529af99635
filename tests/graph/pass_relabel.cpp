// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

namespace {

// (x codes) -> Conv2d(w) -> Binary add (constant codes) -> y, all activations of `dtype`.
Builder network(DType activation, DType weight) {
  Builder b;
  const int middle = activation == DType::u8 ? 128 : 0;
  const ValueId x = b.codes_input("x", {1, 4, 3, 3}, activation, 0.02F, middle - 20);
  const ValueId w = b.dequantize(b.codes("w", {4, 4, 1, 1}, weight, 0, weight == DType::u8 ? 130 : 0));
  ValueId y = b.conv("conv", b.dequantize(x), w, b.dequantize(b.bias("b", 4, 0.0002F)));
  y = b.quantize_dequantize(y, 0.05F, middle + 7, activation);
  y = b.binary(BinaryFn::add, y, b.dequantize(b.codes("c", {4, 1, 1}, activation, -1, middle)));
  y = b.quantize(y, 0.06F, middle - 3, activation);
  b.graph[y].name = "y";
  b.output(y);
  REQUIRE(lower_qdq(b.graph).ok());
  REQUIRE(remove_dead(b.graph).ok());
  return b;
}

}  // namespace

TEST_CASE("activations take the backend's signedness, weights become s8, the caller sees what it declared") {
  const DType declared = GENERATE(DType::u8, DType::s8), wanted = GENERATE(DType::u8, DType::s8);
  const DType weight = GENERATE(DType::u8, DType::s8);
  Builder b = network(declared, weight);
  const Graph before = b.graph;
  REQUIRE(relabel_codes(b.graph, wanted).ok());
  REQUIRE(remove_dead(b.graph).ok());
  check_consistent(b.graph);
  CHECK(ops_of(b.graph) == (declared == wanted ? "Conv2d Binary" : "Requantize Conv2d Binary Requantize"));
  CHECK(b.graph[b.graph.inputs[0]].dtype == declared);
  CHECK(b.graph[b.graph.outputs[0]].dtype == declared);
  CHECK(b.graph[b.graph.outputs[0]].name == "y");
  const Node &conv = only(b.graph, Op::Conv2d), &add = only(b.graph, Op::Binary);
  CHECK(b.graph.input(conv, 0).dtype == wanted);
  CHECK(b.graph.input(conv, 1).dtype == DType::s8);
  CHECK(b.graph.input(conv, 1).quant.zero_point[0] == (weight == DType::u8 ? 2 : 0));
  CHECK(b.graph.input(conv, 2).dtype == DType::s32);
  CHECK(b.graph.input(add, 1).dtype == wanted);
  CHECK(b.graph.output(add).relabelled == (declared == wanted ? 0 : wanted == DType::u8 ? 128 : -128));
  CHECK(difference(before, b.graph) == 0);  // exact
}

TEST_CASE("a constant that is weight and operand at once becomes two") {
  Builder b;
  const ValueId x = b.codes_input("x", {4, 4}, DType::u8, 0.02F, 100);
  const ValueId shared = b.codes("shared", {4, 4}, DType::u8, -1, 77);
  ValueId y = b.op(Op::Dense, "dense", {x, shared}, DenseAttrs{});
  b.graph[y].dtype = DType::u8;
  b.graph[y].quant = {{0.1F}, {30}, -1};
  y = b.op(Op::Binary, "sum", {y, shared}, BinaryAttrs{});
  b.graph[y].dtype = DType::u8;
  b.graph[y].quant = {{0.2F}, {40}, -1};
  b.output(y);
  const Graph before = b.graph;
  REQUIRE(relabel_codes(b.graph, DType::u8).ok());
  CHECK(b.graph.input(named(b.graph, "dense"), 1).dtype == DType::s8);
  CHECK(b.graph.input(named(b.graph, "sum"), 1).dtype == DType::u8);
  CHECK(difference(before, b.graph) == 0);
}

TEST_CASE("a Requantize that only changed the signedness goes") {
  Builder b;
  const ValueId x = b.quantize(b.input("x", {8}), 0.02F, 100);
  const ValueId y = b.quantize(b.dequantize(x), 0.02F, -28, DType::s8);  // the same numbers as s8
  b.output(b.dequantize(y));
  REQUIRE(lower_qdq(b.graph).ok());
  REQUIRE(count(b.graph, Op::Requantize) == 1);
  const Graph before = b.graph;
  REQUIRE(relabel_codes(b.graph, DType::s8).ok());
  CHECK(ops_of(b.graph) == "Quantize Dequantize");
  CHECK(difference(before, b.graph) == 0);
}

TEST_CASE("an input that is an output as well keeps its type") {
  Builder b;
  const ValueId x = b.codes_input("x", {8}, DType::u8, 0.02F, 100);
  b.output(x);
  b.output(b.dequantize(x));
  const Graph before = b.graph;
  REQUIRE(relabel_codes(b.graph, DType::s8).ok());
  CHECK(b.graph[x].dtype == DType::u8);
  CHECK(ops_of(b.graph) == "Requantize Dequantize");
  CHECK(difference(before, b.graph) == 0);
}

TEST_CASE("plain bytes and bool are not codes") {
  Builder b;
  const ValueId x = b.input("x", {8});
  b.graph[x].dtype = DType::u8;
  b.output(x);
  REQUIRE(relabel_codes(b.graph, DType::s8).ok());
  CHECK(b.graph[x].dtype == DType::u8);
}
