// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/input_sums.h"

#include <octet/session.h>

#include <cmath>
#include <random>

#include "runtime/model_impl.h"
#include "tests/quantize/graphs.h"

using namespace octet;
using test::GraphBuilder;

namespace {

// The mean of each output channel, by computing the whole layer.
std::vector<double> means_of(const graph::Graph& graph, std::span<const float> x) {
  auto session = Session::create(runtime::make_model(graph, nullptr)).value();
  std::ranges::copy(x, session.input<float>().begin());
  session.run();
  const Shape shape = session.outputs()[0].shape;
  const int axis = shape.rank() == 4 ? 1 : shape.rank() - 1;
  const auto channels = static_cast<std::size_t>(shape[axis]);
  const auto inner = static_cast<std::size_t>(shape.count(axis + 1, shape.rank()));
  std::vector<double> means(channels);
  const auto y = session.output<float>();
  for (std::size_t i = 0; i < y.size(); ++i) means[i / inner % channels] += y[i];
  for (double& mean : means) mean /= static_cast<double>(y.size() / channels);
  return means;
}

// The only node of `graph` has no bias.
void check(const graph::Graph& graph) {
  INFO(graph.nodes[0].name);
  const graph::Node& node = graph.nodes[0];
  const Shape shape = graph.input(node, 0).shape;
  std::mt19937 random(11);
  std::uniform_real_distribution<float> uniform(-1, 2);
  std::vector<float> x(static_cast<std::size_t>(shape.count()));
  for (float& value : x) value = uniform(random);
  graph::InputSums sums(graph, node);
  sums.add(x, shape).value();
  const std::vector<double> expected = means_of(graph, x), actual = sums.mean_outputs(graph.input(node, 1).as<float>());
  REQUIRE(actual.size() == expected.size());
  for (std::size_t c = 0; c < expected.size(); ++c) CHECK(std::abs(actual[c] - expected[c]) < 1e-4);
}

}  // namespace

TEST_CASE("the mean of a layer's result is a dot product with the mean of what its weights meet") {
  struct Case {
    std::int64_t in, out, k, groups, stride, dilation, pad_begin, pad_end;
  };
  for (const Case& c : {Case{3, 5, 1, 1, 1, 1, 0, 0}, Case{3, 4, 3, 1, 1, 1, 1, 1}, Case{4, 4, 3, 4, 2, 1, 0, 1},
                        Case{6, 4, 3, 2, 1, 2, 2, 2}, Case{2, 3, 5, 1, 3, 1, 4, 0}, Case{2, 2, 3, 1, 1, 4, 4, 4}}) {
    GraphBuilder builder;
    graph::Conv2dAttrs attrs;
    attrs.window.kernel = {c.k, c.k};
    attrs.window.stride = {c.stride, c.stride};
    attrs.window.dilation = {c.dilation, c.dilation};
    attrs.window.pad_begin = {c.pad_begin, c.pad_begin};
    attrs.window.pad_end = {c.pad_end, c.pad_end};
    attrs.groups = c.groups;
    const auto x = builder.input("x", {2, c.in, 7, 6});
    const auto w = builder.random("w", {c.out, c.in / c.groups, c.k, c.k});
    check(builder.finish({builder.node("conv", graph::Op::Conv2d, {x, w}, attrs)}));
  }
  GraphBuilder builder;
  const auto x = builder.input("x", {2, 3, 5});
  check(
      builder.finish({builder.node("dense", graph::Op::Dense, {x, builder.random("w", {4, 5})}, graph::DenseAttrs{})}));
}

TEST_CASE("nothing added gives means of 0") {
  GraphBuilder builder;
  const auto x = builder.input("x", {2, 5});
  const auto graph =
      builder.finish({builder.node("dense", graph::Op::Dense, {x, builder.random("w", {4, 5})}, graph::DenseAttrs{})});
  const graph::InputSums sums(graph, graph.nodes[0]);
  CHECK(sums.mean_outputs(graph.input(graph.nodes[0], 1).as<float>()) == std::vector<double>(4));
}
