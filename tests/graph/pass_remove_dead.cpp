// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

TEST_CASE("dead nodes and values go, everything else keeps its meaning") {
  Builder b;
  const ValueId unread = b.input("unread", {3});
  const ValueId x = b.input("x", {1, 4});
  b.relu(b.relu(x));
  b.random("lost", {5});
  const auto parts = b.ops(Op::Split, "split", {x}, SplitAttrs{1, {1, 3}}, 2);
  b.output(b.op(Op::Dense, "dense", {parts[1], b.random("w", {2, 3}), kNone}, DenseAttrs{}));
  const Graph before = b.graph;
  REQUIRE(remove_dead(b.graph).ok());
  CHECK(ops_of(b.graph) == "Split Dense");
  CHECK(b.graph.values.size() == 6);  // unread, x, both parts, w, dense
  CHECK(b.graph[b.graph.inputs[0]].name == before[unread].name);
  CHECK(only(b.graph, Op::Split).outputs.size() == 2);
  CHECK(only(b.graph, Op::Dense).inputs[2] == kNone);
  CHECK(difference(before, b.graph) == 0);
}
