// SPDX-License-Identifier: Apache-2.0
#include "graph/passes/passes.h"
#include "tests/graph/pass_graphs.h"
#include "tests/support/catch.h"

using namespace octet;
using namespace octet::graph;

namespace {

// Changes the layout, drops what is dead, and checks that outputs are the same.
void relayout(Builder& b) {
  const Graph before = b.graph;
  REQUIRE(use_channels_last(b.graph).ok());
  REQUIRE(remove_dead(b.graph).ok());
  INFO(ops_of(b.graph));
  check_consistent(b.graph);
  CHECK(difference(before, b.graph) < 1e-9);
  for (const Node& node : b.graph.nodes) {  // what runs can be inferred again, to the same shape
    Graph copy = b.graph;
    Node again = node;
    const Status status = schema_of(node.op).infer(copy, again);
    INFO(node.name << ": " << status.message());
    CHECK(status.ok());
    for (ValueId id : node.outputs) CHECK(copy[id].shape == b.graph[id].shape);
  }
}

ValueId conv(Builder& b, const std::string& name, ValueId x, std::int64_t out, std::int64_t kernel = 3) {
  const std::int64_t in = b.graph[x].shape[1];
  return b.conv(name, x, b.random(name + "_w", {out, in, kernel, kernel}), b.random(name + "_b", {out}), kernel / 2);
}

ValueId reshape(Builder& b, const std::string& name, ValueId x, std::vector<std::int64_t> target) {
  return b.op(Op::Reshape, name, {x, b.integers(name + "_shape", std::move(target))}, ReshapeAttrs{});
}

ValueId flatten(Builder& b, ValueId x) {
  return b.op(Op::Reshape, "flat", {x}, ReshapeAttrs{ReshapeAttrs::Kind::flatten, {1}, false});
}

ValueId dense(Builder& b, ValueId x, std::int64_t n) {
  return b.op(Op::Dense, "dense", {x, b.random("dense_w", {n, b.graph[x].shape[1]}), b.random("dense_b", {n})},
              DenseAttrs{});
}

}  // namespace

TEST_CASE("a plain CNN is transposed once, at its input") {
  Builder b;
  ValueId x = b.input("x", {2, 3, 8, 8});
  x = b.relu(conv(b, "one", x, 4));
  x = b.op(Op::Pool, "max", {x}, pool_of(PoolKind::max));
  const ValueId y = conv(b, "two", x, 4);
  x = b.binary(BinaryFn::add, x, y);
  x = b.binary(BinaryFn::mul, x, b.random("scale", {4, 1, 1}));
  x = b.op(Op::Pool, "mean", {x}, global_pool(PoolKind::average));
  b.output(dense(b, flatten(b, x), 5));
  relayout(b);
  CHECK(ops_of(b.graph) == "Transpose Conv2d Unary Pool Conv2d Binary Binary Pool Reshape Dense");
  CHECK(only(b.graph, Op::Transpose).as<TransposeAttrs>().perm == std::vector<std::int64_t>{0, 2, 3, 1});
}

TEST_CASE("an output image is transposed back, behind its name") {
  Builder b;
  const ValueId y = b.relu(conv(b, "conv", b.input("x", {1, 3, 6, 5}), 2));
  b.graph[y].name = "image";
  b.output(y);
  relayout(b);
  CHECK(ops_of(b.graph) == "Transpose Conv2d Unary Transpose");
  CHECK(b.graph[b.graph.outputs[0]].name == "image");
}

TEST_CASE("one channel, or one pixel, is a view") {
  Builder b;
  const ValueId x = b.input("x", {2, 1, 6, 5});
  b.output(b.op(Op::Pool, "mean", {conv(b, "conv", x, 3)}, global_pool(PoolKind::average)));
  relayout(b);
  CHECK(ops_of(b.graph) == "Reshape Conv2d Pool Reshape");
}

TEST_CASE("Flatten in front of Dense reorders weights instead of activations") {
  Builder b;
  const ValueId x = conv(b, "conv", b.input("x", {2, 1, 4, 5}), 3);
  SECTION("float") {
    b.output(dense(b, flatten(b, x), 5));
    relayout(b);
    CHECK(count(b.graph, Op::Transpose) == 0);
  }
  SECTION("codes, scales per channel") {
    const ValueId codes = b.quantize(x, 0.02F, 100), flat = flatten(b, codes);
    b.graph[flat].quant = b.graph[codes].quant;
    const ValueId y = b.op(Op::Dense, "dense", {flat, b.codes("w", {4, 60}, DType::s8, 0)}, DenseAttrs{});
    b.output(y);
    relayout(b);
    CHECK(ops_of(b.graph) == "Reshape Conv2d Quantize Reshape Dense");
    CHECK(b.graph.input(only(b.graph, Op::Dense), 1).quant.axis == 0);
  }
  SECTION("not if somebody else reads the flat value") {
    const ValueId flat = flatten(b, x);
    b.output(dense(b, flat, 5));
    b.output(b.relu(flat));
    relayout(b);
    CHECK(count(b.graph, Op::Transpose) == 1);
  }
}

TEST_CASE("elementwise ops, broadcasts and axes follow the layout") {
  Builder b;
  const ValueId image = b.input("image", {2, 3, 4, 6});
  const ValueId x = conv(b, "conv", image, 4, 1);
  ValueId y = x;
  SECTION("constant scalar, vector along the width, channels") {
    y = b.binary(BinaryFn::add, y, b.real("s", {}, {2}));
    y = b.binary(BinaryFn::mul, b.random("w", {6}), y);
    y = b.binary(BinaryFn::sub, y, b.random("c", {1, 4, 1, 1}));
    y = b.binary(BinaryFn::add, y, b.random("f", {2, 4, 4, 6}));
  }
  SECTION("activation of one pixel: squeeze and excite") {
    const ValueId gate =
        b.unary(UnaryFn::sigmoid, conv(b, "se", b.op(Op::Pool, "p", {x}, global_pool(PoolKind::average)), 4, 1));
    y = b.binary(BinaryFn::mul, x, gate);
  }
  SECTION("squeeze and excite through Dense") {
    const ValueId flat = b.op(Op::ReduceMean, "mean", {x}, ReduceMeanAttrs{{2, 3}, false});
    y = b.binary(BinaryFn::mul, x, reshape(b, "wide", dense(b, flat, 4), {2, 4, 1, 1}));
  }
  SECTION("activation of lower rank") { y = b.binary(BinaryFn::mul, b.input("g", {4, 1, 6}), x); }
  SECTION("Concat and Split along channels") {
    y = b.op(Op::Concat, "cat", {x, image}, ConcatAttrs{1});
    y = conv(b, "more", b.ops(Op::Split, "split", {y}, SplitAttrs{-3, {5, 2}}, 2)[0], 4);
  }
  SECTION("Concat along height") { y = b.op(Op::Concat, "cat", {x, x}, ConcatAttrs{2}); }
  SECTION("Softmax over channels") { y = b.op(Op::Softmax, "p", {x}, SoftmaxAttrs{1}); }
  SECTION("Softmax over the width") { y = b.op(Op::Softmax, "p", {x}, SoftmaxAttrs{-1}); }
  SECTION("Pad and Slice") {
    y = b.op(Op::Pad, "pad", {x}, PadAttrs{{0, 1, 2, 0}, {0, 0, 1, 3}, 0});
    SliceAttrs attrs;
    attrs.start = {0, 1, 4, 2}, attrs.step = {1, 2, -1, 3}, attrs.count = {2, 2, 4, 2};
    y = b.op(Op::Slice, "slice", {y}, attrs);
  }
  SECTION("ReduceMean that keeps dimensions") { y = b.op(Op::ReduceMean, "mean", {x}, ReduceMeanAttrs{{1, 2}, true}); }
  SECTION("Resize, then a transposed convolution") {
    ResizeAttrs attrs;
    attrs.coordinates = ResizeAttrs::Coordinates::asymmetric;
    attrs.nearest = ResizeAttrs::Nearest::floor;
    attrs.scales = {1, 1, 2, 3};
    y = b.op(Op::Resize, "resize", {x}, attrs);
    ConvTranspose2dAttrs up;
    up.window.kernel = {2, 2}, up.window.stride = {2, 2};
    y = b.op(Op::ConvTranspose2d, "up", {y, b.random("up_w", {4, 3, 2, 2})}, up);
  }
  b.output(conv(b, "last", y, 2, 1));
  relayout(b);
  // One for the image, one for the output, one for an activation of another rank or a second reader.
  CHECK(count(b.graph, Op::Transpose) <= 3);
  CHECK(named(b.graph, "last").as<Conv2dAttrs>().channels_last);
}

TEST_CASE("reductions without kept dimensions") {
  Builder b;
  const ValueId x = conv(b, "conv", b.input("x", {2, 1, 4, 6}), 3, 1);
  const auto mean = [&](std::vector<std::int64_t> axes) {
    return b.op(Op::ReduceMean, "mean", {x}, ReduceMeanAttrs{std::move(axes), false});
  };
  SECTION("all that is spatial") {
    b.output(mean({2, 3}));
    relayout(b);
    CHECK(ops_of(b.graph) == "Reshape Conv2d ReduceMean");
  }
  SECTION("channels") {
    b.output(mean({1}));
    relayout(b);
    CHECK(ops_of(b.graph) == "Reshape Conv2d ReduceMean");
  }
  SECTION("everything") {
    b.output(mean({}));
    relayout(b);
    CHECK(ops_of(b.graph) == "Reshape Conv2d ReduceMean");
  }
  SECTION("one of two spatial axes leaves channels to be put back") {
    b.output(mean({3}));
    relayout(b);
    CHECK(ops_of(b.graph) == "Reshape Conv2d Transpose ReduceMean");
  }
}

TEST_CASE("models that are transposed themselves lose their transposes") {
  Builder b;
  const auto transpose = [&](const std::string& name, ValueId x, std::vector<std::int64_t> perm) {
    return b.op(Op::Transpose, name, {x}, TransposeAttrs{std::move(perm)});
  };
  SECTION("channels-last in the file") {
    const ValueId x = transpose("in", b.input("x", {2, 5, 6, 3}), {0, 3, 1, 2});
    b.output(transpose("out", conv(b, "conv", x, 4), {0, 2, 3, 1}));
    relayout(b);
    CHECK(ops_of(b.graph) == "Conv2d Reshape");  // a view that carries the output's name
  }
  SECTION("patches of a vision transformer") {
    const ValueId x = conv(b, "conv", b.input("x", {2, 1, 4, 4}), 3);
    b.output(b.relu(transpose("tokens", reshape(b, "rows", x, {2, 3, 16}), {0, 2, 1})));
    relayout(b);
    CHECK(count(b.graph, Op::Transpose) == 0);
  }
  SECTION("another order is reached in one step") {
    b.output(b.relu(transpose("swap", conv(b, "conv", b.input("x", {2, 1, 4, 5}), 3), {3, 2, 0, 1})));
    relayout(b);
    CHECK(count(b.graph, Op::Transpose) == 1);
  }
}

TEST_CASE("1-d convolutions in a row do not leave their layout") {
  Builder b;
  ValueId x = b.input("x", {2, 3, 9});
  for (const char* name : {"one", "two"}) {
    const std::string n = name;
    x = b.op(Op::Reshape, n + "_image", {x}, ReshapeAttrs{ReshapeAttrs::Kind::unsqueeze, {2}, false});
    x = b.conv(n, x, b.random(n + "_w", {3, 3, 1, 3}));
    x = b.op(Op::Reshape, n + "_line", {x}, ReshapeAttrs{ReshapeAttrs::Kind::squeeze, {2}, false});
    x = b.binary(BinaryFn::mul, b.unary(UnaryFn::sigmoid, x), b.random(n + "_c", {3, 1}));
  }
  b.output(x);
  relayout(b);
  CHECK(count(b.graph, Op::Transpose) == 2);  // input and output
}

TEST_CASE("borders move on the cheap side: bytes are transposed, not floats") {
  Builder b;
  const ValueId x = b.quantize(b.input("x", {2, 3, 4, 4}), 0.02F, 128);
  const ValueId y = b.conv("conv", x, b.codes("w", {5, 3, 3, 3}, DType::s8, 0));
  b.graph[y].dtype = DType::u8;
  b.graph[y].quant = {{0.1F}, {128}, -1};
  b.output(b.dequantize(y));
  relayout(b);
  CHECK(ops_of(b.graph) == "Quantize Transpose Conv2d Transpose Dequantize");
}

TEST_CASE("float ops without images are left alone") {
  Builder b;
  const ValueId x = b.input("x", {2, 3, 4});
  b.output(b.op(Op::Softmax, "p", {b.op(Op::Transpose, "t", {b.relu(x)}, TransposeAttrs{{0, 2, 1}})}, SoftmaxAttrs{2}));
  const Graph before = b.graph;
  REQUIRE(use_channels_last(b.graph).ok());
  REQUIRE(remove_dead(b.graph).ok());
  CHECK(difference(before, b.graph) < 1e-12);
  CHECK(count(b.graph, Op::Transpose) == 1);
}
