// SPDX-License-Identifier: Apache-2.0
// explain() recomputes a code in wide integers and refuses to answer if the session gave another one, so a
// successful explanation is itself the check. Here: every operator, every rounding mode, many places.
#include <octet/explain.h>

#include <random>

#include "runtime/model_impl.h"
#include "tests/quantize/graphs.h"
#include "tests/support/codes_graph.h"
#include "tests/support/data.h"

using namespace octet;
using graph::Op;
using graph::ValueId;
using test::GraphBuilder;

namespace {

graph::ConvTranspose2dAttrs up(std::int64_t groups) {
  graph::ConvTranspose2dAttrs attrs;
  attrs.window.kernel = {3, 3};
  attrs.window.stride = {2, 2};
  attrs.window.pad_begin = attrs.window.pad_end = {1, 1};
  attrs.output_padding = {1, 1};
  attrs.groups = groups;
  return attrs;
}

graph::PoolAttrs average(bool count_padding, bool ceil_mode) {
  graph::PoolAttrs attrs;
  attrs.kind = graph::PoolKind::average;
  attrs.window.kernel = {3, 3};
  attrs.window.stride = {2, 2};
  attrs.window.pad_begin = attrs.window.pad_end = {1, 1};
  attrs.count_include_pad = count_padding;
  attrs.ceil_mode = ceil_mode;
  return attrs;
}

graph::ResizeAttrs twice(graph::ResizeAttrs::Mode mode) {
  graph::ResizeAttrs attrs;
  attrs.mode = mode;
  attrs.scales = {1, 1, 2, 2};
  return attrs;
}

// Every operator that int8 knows, in four short chains.
graph::Graph layers() {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 4, 7, 6});
  const ValueId conv = b.conv("conv", x, 4, 8, 3, 1, test::kRelu);
  const ValueId depthwise = b.conv("depthwise", conv, 8, 8, 3, 8);
  const ValueId grouped = b.conv("grouped", depthwise, 8, 6, 1, 2, {0, 6});
  const ValueId transposed = b.node(
      "up", Op::ConvTranspose2d, {grouped, b.random("up_w", {6, 2, 3, 3}, 0.3F), b.random("up_b", {4}, 0.1F)}, up(2));
  const ValueId pooled = b.node("average", Op::Pool, {transposed}, average(false, true));
  const ValueId mean = b.node("mean", Op::ReduceMean, {pooled}, graph::ReduceMeanAttrs{{2, 3}, false});
  const ValueId dense =
      b.node("dense", Op::Dense, {mean, b.random("dense_w", {5, 4}), b.random("dense_b", {5})}, graph::DenseAttrs{});
  return b.finish({b.node("softmax", Op::Softmax, {dense}, graph::SoftmaxAttrs{1})});
}

graph::Graph elementwise() {
  GraphBuilder b;
  using graph::BinaryFn;
  using graph::UnaryFn;
  const ValueId x = b.input("x", {1, 3, 4, 5}), z = b.input("z", {1, 3, 1, 5});
  const ValueId sum = b.binary("add", BinaryFn::add, x, z), less = b.binary("sub", BinaryFn::sub, sum, x);
  const ValueId product = b.binary("mul", BinaryFn::mul, less, sum);
  const ValueId scaled = b.binary("constant", BinaryFn::mul, product, b.constant("c", {1, 3, 1, 1}, {0.5F, -1.5F, 2}));
  std::vector<ValueId> all{scaled};
  for (const auto& [name, fn] :
       {std::pair("sigmoid", UnaryFn::sigmoid), std::pair("tanh", UnaryFn::tanh), std::pair("silu", UnaryFn::silu),
        std::pair("hard_swish", UnaryFn::hard_swish), std::pair("gelu", UnaryFn::gelu_erf),
        std::pair("exp", UnaryFn::exp), std::pair("relu", UnaryFn::relu)}) {
    all.push_back(b.unary(name, fn, sum));
  }
  graph::UnaryAttrs leaky;
  leaky.fn = UnaryFn::leaky_relu;
  leaky.alpha = 0.1F;
  all.push_back(b.node("leaky", Op::Unary, {sum}, leaky));
  return b.finish(all);
}

graph::Graph movements() {
  GraphBuilder b;
  const ValueId x = b.conv("first", b.input("image", {1, 4, 6, 6}), 4, 4);
  const ValueId pool = b.max_pool("max", x);
  const ValueId padded = b.node("pad", Op::Pad, {pool}, graph::PadAttrs{{0, 0, 1, 0}, {0, 0, 2, 1}, 0});
  const ValueId turned = b.node("turn", Op::Transpose, {padded}, graph::TransposeAttrs{{0, 2, 1, 3}});
  const ValueId nearest = b.node("nearest", Op::Resize, {x}, twice(graph::ResizeAttrs::Mode::nearest));
  const ValueId linear = b.node("linear", Op::Resize, {x}, twice(graph::ResizeAttrs::Mode::linear));
  const ValueId both =
      b.concat("concat", {nearest, linear, b.constant("extra", {1, 1, 12, 12}, std::vector<float>(144, 0.7F))});
  const auto parts = b.node("split", Op::Split, {both}, graph::SplitAttrs{1, {3, 6}}, 2);
  const ValueId padded_average = b.node("average", Op::Pool, {parts[1]}, average(true, false));
  return b.finish({turned, padded_average, parts[0]});
}

// Operators that a converted graph has only where its file wrote them on codes.
Model on_codes() {
  test::CodesGraph b;
  const ValueId x = b.input("x", {2, 3, 4}, 0.1F, 100);
  const ValueId most = b.node("most", Op::Reduce, {x}, graph::ReduceAttrs{graph::ReduceFn::max, {2}, true}, 0.1F, 100);
  const ValueId least =
      b.node("least", Op::Reduce, {x}, graph::ReduceAttrs{graph::ReduceFn::min, {1}, false}, 0.07F, 90);
  const ValueId arg = b.node("arg", Op::ArgMax, {x}, graph::ArgMaxAttrs{1, false, true, false}, 1, 0);
  b.graph[arg].dtype = DType::s64;
  b.graph[arg].quant = {};
  const ValueId requantized = b.node("other", Op::Requantize, {x}, graph::QuantizeAttrs{}, 0.03F, 20);
  return b.finish({most, least, arg, requantized});
}

graph::Graph attention() {
  GraphBuilder b;
  const ValueId x = b.input("x", {2, 5, 8});
  const ValueId q = b.node("q", Op::Dense, {x, b.random("q_w", {8, 8}, 0.4F)}, graph::DenseAttrs{});
  const ValueId k = b.node("k", Op::Dense, {x, b.random("k_w", {8, 8}, 0.4F)}, graph::DenseAttrs{});
  const ValueId turned = b.node("kt", Op::Transpose, {k}, graph::TransposeAttrs{{0, 2, 1}});
  const ValueId scores = b.node("scores", Op::MatMul, {q, turned}, graph::MatMulAttrs{});
  const ValueId weights = b.node("weights", Op::Softmax, {scores}, graph::SoftmaxAttrs{2});
  return b.finish({b.node("mixed", Op::MatMul, {weights, x}, graph::MatMulAttrs{})});
}

struct Case {
  Model fp32, int8;
  std::vector<std::vector<float>> memory;
  std::vector<TensorInfo> infos;
  std::vector<NamedTensor> sample() const {
    std::vector<NamedTensor> tensors;
    for (std::size_t i = 0; i < infos.size(); ++i) tensors.push_back({infos[i].name, infos[i].shape, memory[i]});
    return tensors;
  }
};

Case quantized(graph::Graph graph) {
  const Model fp32 = runtime::make_model(std::move(graph), nullptr);
  Case c{fp32, fp32, {}, fp32.inputs()};
  std::mt19937 engine(3);
  std::normal_distribution<float> normal(0, 1);
  for (const TensorInfo& info : c.infos) {
    c.memory.emplace_back(static_cast<std::size_t>(info.shape.count()));
    for (float& x : c.memory.back()) x = normal(engine);
  }
  Calibrator calibrator = Calibrator::create(fp32).value();
  calibrator.observe(c.sample()).value();
  c.int8 = calibrator.convert().value();
  return c;
}

std::vector<std::int64_t> random_index(const Shape& shape, std::mt19937& engine) {
  std::vector<std::int64_t> index;
  for (std::int64_t dim : shape) index.push_back(std::uniform_int_distribution<std::int64_t>(0, dim - 1)(engine));
  return index;
}

}  // namespace

TEST_CASE("explain: every int8 operator in every rounding mode", "[explain]") {
  std::mt19937 engine(17);
  int explained = 0;
  for (auto make : {layers, elementwise, movements, attention}) {
    const Case c = quantized(make());
    for (const graph::Node& node : c.int8.impl().graph.nodes) {
      if (node.op == Op::Dequantize) continue;
      for (RequantMode mode : {RequantMode::fixed, RequantMode::floating, RequantMode::floating_qnnpack}) {
        SessionOptions options;
        options.requant = mode;
        options.threads = 1;
        for (int i = 0; i < 4; ++i) {
          const ExplainQuery query{node.name, random_index(c.int8.impl().graph.output(node).shape, engine)};
          const auto e = explain(c.int8, c.sample(), query, {options, &c.fp32});
          INFO(node.name << " (" << graph::name_of(node.op) << "), mode " << static_cast<int>(mode) << ": "
                         << e.status().message());
          REQUIRE(e.ok());
          INFO(to_text(*e));
          CHECK(e->is_code);
          CHECK(!e->steps.empty());
          // Without a clamp in the way, the code is the exact result rounded.
          for (const Explanation::Alternative& other : e->alternatives) CHECK(std::abs(other.code - e->code) <= 1);
          if (node.op != Op::Quantize) CHECK(e->fp32.has_value());
          ++explained;
        }
      }
    }
  }
  CHECK(explained > 300);
}

TEST_CASE("explain: extremes, their index and requantization of codes", "[explain]") {
  const Model model = on_codes();
  std::vector<float> codes(24);
  std::mt19937 engine(5);
  for (float& code : codes) code = static_cast<float>(std::uniform_int_distribution<int>(90, 110)(engine));
  const NamedTensor input{"x", {2, 3, 4}, codes};
  for (RequantMode mode : {RequantMode::fixed, RequantMode::floating, RequantMode::floating_qnnpack}) {
    SessionOptions options;
    options.requant = mode;
    for (const char* at :
         {"most[1,2,0]", "most[0,0,0]", "least[0,3]", "least[1,1]", "arg[0,0]", "arg[1,3]", "other[1,0,2]"}) {
      const auto e = explain(model, std::span(&input, 1), ExplainQuery::parse(at).value(), {options, nullptr});
      INFO(at << ": " << e.status().message());
      REQUIRE(e.ok());
      CHECK(e->is_code == (std::string(at).substr(0, 3) != "arg"));
    }
  }
}

TEST_CASE("explain: an int8 layer whose result is float", "[explain]") {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 4});
  const ValueId y = b.node("dense", Op::Dense, {x, b.random("w", {3, 4}), b.random("b", {3})}, graph::DenseAttrs{});
  Case c = quantized(b.finish({y}));
  // The Dequantize behind the layer joins it where the file has no Quantize there.
  graph::Graph graph = c.int8.impl().graph;
  graph::Node& dense = graph.nodes[1];
  REQUIRE(dense.op == Op::Dense);
  dense.outputs = graph.nodes[2].outputs;
  graph.nodes.resize(2);
  const Model model = runtime::make_model(graph, nullptr);
  for (std::int64_t i = 0; i < 3; ++i) {
    const auto e = explain(model, c.sample(), {"dense", {0, i}});
    INFO(e.status().message());
    REQUIRE(e.ok());
    CHECK_FALSE(e->is_code);
    CHECK(e->taps.size() == 4);
  }
}

TEST_CASE("explain: names, and what is refused in one sentence", "[explain]") {
  const Case c = quantized(layers());
  const auto message = [&](const std::string& at) {
    const auto query = ExplainQuery::parse(at);
    return query.ok() ? explain(c.int8, c.sample(), *query).status().message() : query.status().message();
  };
  CHECK(message("conv[0,0,0,0]").empty());
  CHECK(message("softmax[0,3]").empty());         // a model output, by the name of the value
  CHECK(message("first+conv[0,0,0,0]").empty());  // as a session names a fused pair
  CHECK(message("nowhere[0]").find("no operator or value is named 'nowhere'") != std::string::npos);
  CHECK(message("conv[0,8,0,0]").find("its output has shape [1,8,7,6]") != std::string::npos);
  CHECK(message("conv[0,0,0]").find("its output has shape") != std::string::npos);
  CHECK(message("conv[0,0,0,-1]").find("its output has shape") != std::string::npos);
  for (const char* bad :
       {"conv", "conv[", "conv[]x", "[0]", "conv[0,]", "conv[0 1]", "conv[a]", "conv[99999999999999999999]"}) {
    CHECK(message(bad).find("must be NODE[i,j,...]") != std::string::npos);
  }
  CHECK(explain(c.int8, {}, {"conv", {0, 0, 0, 0}}).status().message().find("input 'x' is not given") !=
        std::string::npos);
  CHECK(explain(c.fp32, c.sample(), {"conv", {0, 0, 0, 0}}).status().message().find("computes in fp32") !=
        std::string::npos);
}

TEST_CASE("explain: every code of a digits logit, with the float model beside", "[explain]") {
  const Model fp32 = Model::load(test::digits("digits_fp32.onnx")).value(),
              qat = Model::load(test::digits("digits_qat.onnx")).value();
  const auto images = test::load(test::digits("test_images.npy"));
  const std::string input = qat.inputs()[0].name;
  Shape shape = images.shape;
  shape[0] = 1;
  const NamedTensor sample{input, shape, images.as<float>().subspan(0, static_cast<std::size_t>(shape.count()))};
  for (const graph::Node& node : qat.impl().graph.nodes) {
    if (node.op == Op::Dequantize) continue;
    Shape out = qat.impl().graph.output(node).shape;
    std::vector<std::int64_t> last;
    for (std::int64_t dim : out) last.push_back(dim > 0 ? dim - 1 : 0);
    const auto e = explain(qat, std::span(&sample, 1), {node.name, last}, {{}, &fp32});
    INFO(node.name << ": " << e.status().message());
    CHECK(e.ok());
  }
}
