// SPDX-License-Identifier: Apache-2.0
// Rules that make several nodes add values to the graph while they look at their inputs. Which of those values moves
// all others to new memory depends on how many there are, so each rule meets graphs of every size; the sanitizers
// watch.
#include "tests/support/catch.h"
#include "tests/support/imported.h"

using namespace octet;
using namespace octet::tests;

namespace {

// The model with 0 to 40 inputs that nobody reads.
template <class Build>
void import_in_graphs_of_any_size(Build build) {
  for (int others = 0; others < 40; ++others) {
    OnnxBuilder b(18);
    for (int i = 0; i < others; ++i) b.input("other" + std::to_string(i), {1});
    build(b);
    const auto graph = graph::import_onnx(as_bytes(b.bytes()), {});
    INFO(others << " other inputs: " << graph.status().message());
    CHECK(graph.ok());
  }
}

}  // namespace

TEST_CASE("Size and the mirroring Pad look at sizes while the graph grows") {
  import_in_graphs_of_any_size([](OnnxBuilder& b) {
    b.input("x", {-1, 3, 4, 5}).node("Size", {"x"}, {"y"});
    b.output("y");
  });
  import_in_graphs_of_any_size([](OnnxBuilder& b) {
    b.input("x", {2, 3, 4, 5}).initializer<std::int64_t>("pads", {8}, {1, 1, 1, 1, 1, 1, 1, 1});
    b.node("Pad", {"x", "pads"}, {"y"}).set("mode", "reflect");
    b.output("y");
  });
}

TEST_CASE("other rules that make several nodes, in graphs of any size") {
  const auto one = [](const char* op, const Dims& dims) {
    INFO(op);
    import_in_graphs_of_any_size([&](OnnxBuilder& b) {
      b.input("x", dims).node(op, {"x"}, {"y"}).set("size", 3).set("blocksize", 2);
      b.output("y");
    });
  };
  for (const char* op :
       {"Trilu", "Hardmax", "LogSoftmax", "Softmax", "MeanVarianceNormalization", "LpNormalization", "LRN",
        "DepthToSpace", "SpaceToDepth", "ReduceLogSumExp", "ReduceL2", "IsInf", "GlobalAveragePool"})
    one(op, {2, 4, 6, 6});
}
