// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

namespace {

struct Norm {
  ValueId scale, bias, mean, variance;
};

Norm parameters(Builder& b, std::int64_t channels) {
  return {b.random("gamma", {channels}, 0.5F, 2), b.random("beta", {channels}), b.random("mean", {channels}),
          b.random("variance", {channels}, 0.1F, 3)};
}

ValueId batch_norm(Builder& b, ValueId x, const Norm& norm) {
  return b.op(Op::BatchNorm, "norm", {x, norm.scale, norm.bias, norm.mean, norm.variance}, BatchNormAttrs{1e-3F});
}

void check_folds(Builder& b, ValueId x, const std::string& expected_ops) {
  b.output(batch_norm(b, x, parameters(b, b.graph[x].shape[1])));
  const Graph before = b.graph;
  REQUIRE(fold_batch_norm(b.graph).ok());
  CHECK(ops_of(b.graph) == expected_ops);
  check_consistent(b.graph);
  CHECK(difference(before, b.graph) < 1e-5);
}

}  // namespace

TEST_CASE("BatchNorm folds into a convolution") {
  Builder b;
  const ValueId x = b.input("x", {2, 4, 5, 5});
  SECTION("without bias") { check_folds(b, b.conv("conv", x, b.random("w", {6, 4, 3, 3})), "Conv2d"); }
  SECTION("with bias and groups") {
    check_folds(b, b.conv("conv", x, b.random("w", {6, 2, 3, 3}), b.random("b", {6}), 1, 2, 2), "Conv2d");
  }
  SECTION("transposed, grouped: channels lie in two axes of the weights") {
    ConvTranspose2dAttrs attrs;
    attrs.window.kernel = {2, 2};
    attrs.groups = 2;
    check_folds(b, b.op(Op::ConvTranspose2d, "up", {x, b.random("w", {4, 3, 2, 2})}, attrs), "ConvTranspose2d");
  }
}

TEST_CASE("BatchNorm folds into Dense of rank 2 only") {
  Builder b;
  SECTION("rank 2") {
    const ValueId x = b.input("x", {2, 4});
    check_folds(b, b.op(Op::Dense, "dense", {x, b.random("w", {3, 4}), b.random("b", {3})}, DenseAttrs{}), "Dense");
  }
  SECTION("rank 3: axis 1 is not the features") {
    const ValueId x = b.input("x", {2, 3, 4});
    check_folds(b, b.op(Op::Dense, "dense", {x, b.random("w", {3, 4})}, DenseAttrs{}), "Dense Reshape Conv2d Reshape");
  }
}

TEST_CASE("BatchNorm folds into a 1-d convolution through the Squeeze behind it") {
  Builder b;
  const ValueId x = b.input("x", {1, 2, 1, 9});
  const ValueId conv = b.conv("conv", x, b.random("w", {3, 2, 1, 3}));
  const ValueId line = b.op(Op::Reshape, "line", {conv}, ReshapeAttrs{ReshapeAttrs::Kind::squeeze, {2}, false});
  check_folds(b, line, "Conv2d Reshape");
}

TEST_CASE("BatchNorm that cannot fold becomes one 1x1 convolution per channel") {
  Builder b;
  const ValueId x = b.input("x", {2, 4, 5, 5});
  SECTION("behind an input") { check_folds(b, x, "Conv2d"); }
  SECTION("rank 2") { check_folds(b, b.relu(b.input("z", {3, 4})), "Unary Reshape Conv2d Reshape"); }
  SECTION("rank 3") { check_folds(b, b.input("z", {3, 4, 7}), "Reshape Conv2d Reshape"); }
  SECTION("rank 5 has no convolution: Mul and Add") { check_folds(b, b.input("z", {2, 4, 3, 2, 2}), "Binary Binary"); }
  SECTION("behind a clamped convolution") {
    const ValueId y = b.conv("conv", x, b.random("w", {4, 4, 1, 1}));
    b.graph.nodes.back().as<Conv2dAttrs>().clamp = {0, 6};
    check_folds(b, y, "Conv2d Conv2d");
  }
  SECTION("behind weights that are codes") {
    const ValueId w = b.dequantize(b.codes("w", {4, 4, 1, 1}, DType::s8));
    check_folds(b, b.conv("conv", x, w), "Dequantize Conv2d Conv2d");
  }
}

TEST_CASE("BatchNorm leaves a convolution alone that others read") {
  Builder b;
  const ValueId x = b.input("x", {1, 2, 3, 3});
  const ValueId y = b.conv("conv", x, b.random("w", {2, 2, 1, 1}));
  b.output(batch_norm(b, y, parameters(b, 2)));
  b.output(b.relu(y));
  REQUIRE(fold_batch_norm(b.graph).ok());
  CHECK(count(b.graph, Op::Conv2d) == 2);
}

TEST_CASE("weights shared by two convolutions are folded for one of them") {
  Builder b;
  const ValueId x = b.input("x", {1, 2, 3, 3}), w = b.random("w", {2, 2, 1, 1});
  b.output(batch_norm(b, b.conv("one", x, w), parameters(b, 2)));
  b.output(b.conv("two", x, w));
  REQUIRE(fold_batch_norm(b.graph).ok());
  CHECK(named(b.graph, "two").inputs[1] == w);
  CHECK(named(b.graph, "one").inputs[1] != w);
}

TEST_CASE("BatchNorm with computed parameters is an error that names them") {
  Builder b;
  const ValueId x = b.input("x", {1, 2, 3, 3});
  Norm norm = parameters(b, 2);
  norm.mean = b.input("live_mean", {2});
  b.output(batch_norm(b, x, norm));
  const Status status = fold_batch_norm(b.graph);
  REQUIRE_FALSE(status.ok());
  CHECK(status.message().find("live_mean") != std::string::npos);
}
