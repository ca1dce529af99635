// SPDX-License-Identifier: Apache-2.0
// What is exported reads back as the same graph.
#include <onnx/onnx_pb.h>

#include <map>
#include <set>

#include "graph/export/onnx.h"
#include "graph/import/onnx.h"
#include "graph/import/rules.h"
#include "graph/passes/passes.h"
#include "graph/quantize/convert.h"
#include "tests/quantize/graphs.h"

using namespace octet;
using namespace octet::graph;
using test::GraphBuilder;

namespace {

Graph read_back(const std::string& file) {
  auto imported = import_onnx(std::as_bytes(std::span(file)), {});
  INFO(imported.status().message());
  REQUIRE(imported.ok());
  const Status status = simplify(*imported);
  INFO(status.message());
  REQUIRE(status.ok());
  return *imported;
}

std::string exported(const Graph& graph) {
  auto file = export_onnx(graph);
  INFO(file.status().message());
  REQUIRE(file.ok());
  // A compiled model holds these nodes, and a product that reads it knows no others.
  onnx::ModelProto model;
  REQUIRE(model.ParseFromString(*file));
  for (const onnx::NodeProto& node : model.graph().node()) {
    INFO(node.op_type());
    CHECK(find_stored_rule(node.domain(), node.op_type()) != nullptr);
  }
  return *file;
}

const Clamp* clamp_of(const Node& node) {
  if (const auto* conv = std::get_if<Conv2dAttrs>(&node.attrs)) return &conv->clamp;
  if (const auto* up = std::get_if<ConvTranspose2dAttrs>(&node.attrs)) return &up->clamp;
  if (const auto* dense = std::get_if<DenseAttrs>(&node.attrs)) return &dense->clamp;
  if (const auto* matmul = std::get_if<MatMulAttrs>(&node.attrs)) return &matmul->clamp;
  if (const auto* binary = std::get_if<BinaryAttrs>(&node.attrs)) return &binary->clamp;
  return nullptr;
}

// Two graphs walked from their outputs up: what stands in the same place must be the same. Values in
// between may have other names.
class SameGraph {
 public:
  SameGraph(const Graph& a, const Graph& b) : a_(a), b_(b), makers_a_(a), makers_b_(b) {
    CHECK(a.nodes.size() == b.nodes.size());
    REQUIRE(a.inputs.size() == b.inputs.size());
    REQUIRE(a.outputs.size() == b.outputs.size());
    for (std::size_t i = 0; i < a.inputs.size(); ++i) check_named(a.inputs[i], b.inputs[i]);
    for (std::size_t i = 0; i < a.outputs.size(); ++i) check_named(a.outputs[i], b.outputs[i]);
  }

 private:
  void check_named(ValueId in_a, ValueId in_b) {
    CHECK(a_[in_a].name == b_[in_b].name);
    check_value(in_a, in_b);
  }

  void check_value(ValueId in_a, ValueId in_b) {
    REQUIRE((in_a == kNone) == (in_b == kNone));
    if (in_a == kNone || !seen_.emplace(in_a, in_b).second) {
      if (in_a != kNone) CHECK(seen_[in_a] == in_b);
      return;
    }
    const Value &left = a_[in_a], &right = b_[in_b];
    INFO(left.name << " and " << right.name);
    CHECK(left.dtype == right.dtype);
    CHECK(to_string(left.shape) == to_string(right.shape));
    CHECK(left.quant.scale == right.quant.scale);
    CHECK(left.quant.zero_point == right.quant.zero_point);
    CHECK(left.quant.axis == right.quant.axis);
    REQUIRE(left.is_constant() == right.is_constant());
    if (left.is_constant()) {
      const auto bytes = static_cast<std::size_t>(left.shape.count()) * size_of(left.dtype);
      CHECK(std::memcmp(left.data.get(), right.data.get(), bytes) == 0);
      return;
    }
    const std::int32_t made_a = makers_a_.producer[static_cast<std::size_t>(in_a)];
    const std::int32_t made_b = makers_b_.producer[static_cast<std::size_t>(in_b)];
    REQUIRE((made_a < 0) == (made_b < 0));
    if (made_a >= 0) {
      check_node(a_.nodes[static_cast<std::size_t>(made_a)], b_.nodes[static_cast<std::size_t>(made_b)]);
    }
  }

  void check_node(const Node& left, const Node& right) {
    INFO("node '" << left.name << "'");
    REQUIRE(std::string(name_of(left.op)) == name_of(right.op));
    CHECK(left.reason.empty() == right.reason.empty());
    if (const Clamp* clamp = clamp_of(left)) CHECK(*clamp == *clamp_of(right));
    REQUIRE(left.inputs.size() == right.inputs.size());
    REQUIRE(left.outputs.size() == right.outputs.size());
    for (std::size_t i = 0; i < left.outputs.size(); ++i) check_value(left.outputs[i], right.outputs[i]);
    for (std::size_t i = 0; i < left.inputs.size(); ++i) check_value(left.inputs[i], right.inputs[i]);
  }

  const Graph &a_, &b_;
  const Uses makers_a_, makers_b_;
  std::map<ValueId, ValueId> seen_;
};

void check_same(const Graph& a, const Graph& b) { SameGraph(a, b); }

// fp32 and int8 form, both written and read back. The float graph passes through simplify() first,
// as a loaded model does.
void check_round_trip(Graph fp32, const QConfig& config = {}) {
  REQUIRE(simplify(fp32).ok());
  {
    INFO("fp32");
    check_same(fp32, read_back(exported(fp32)));
  }
  INFO("int8");
  auto int8 = convert(fp32, test::ranges_for(fp32), config);
  INFO(int8.status().message());
  REQUIRE(int8.ok());
  check_same(*int8, read_back(exported(*int8)));
}

QConfig signed_codes() {
  QConfig config;
  config.activation = {DType::s8, Scheme::affine, -128, 127, false};
  return config;
}

}  // namespace

TEST_CASE("a small residual network survives export, with symbolic batch, u8 and s8") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {-1, 3, 8, 8});
  const ValueId a = builder.conv("a", x, 3, 8, 3, 1, test::kRelu);
  const ValueId b = builder.conv("b", a, 8, 8, 3, 8, {0, 6});  // depthwise, ReLU6
  const ValueId c = builder.conv("c", b, 8, 8, 1);
  const ValueId sum = builder.node("sum", Op::Binary, {c, a}, BinaryAttrs{BinaryFn::add, test::kRelu});
  const ValueId pool = builder.max_pool("pool", sum);
  PoolAttrs global;
  global.kind = PoolKind::average;
  global.global = true;
  const ValueId mean = builder.node("mean", Op::Pool, {pool}, global);
  const ValueId flat = builder.node("flat", Op::Reshape, {mean}, ReshapeAttrs{ReshapeAttrs::Kind::flatten, {1}, false});
  const ValueId logits = builder.node(
      "logits", Op::Dense, {flat, builder.random("fc", {10, 8}), builder.random("fc_b", {10})}, DenseAttrs{});
  const ValueId y = builder.node("y", Op::Softmax, {logits}, SoftmaxAttrs{1});
  const Graph fp32 = builder.finish({y});
  check_round_trip(fp32);
  check_round_trip(fp32, signed_codes());
  QConfig per_tensor;
  per_tensor.weight.per_channel = false;
  check_round_trip(fp32, per_tensor);
}

TEST_CASE("concat, transposed convolution, resize and every kind of move survive export") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {2, 4, 6, 6});
  ConvTranspose2dAttrs up;
  up.window.kernel = up.window.stride = {2, 2};
  up.groups = 2;
  up.output_padding = {1, 0};
  const ValueId a =
      builder.node("a", Op::ConvTranspose2d, {x, builder.random("aw", {4, 3, 2, 2}), builder.random("ab", {6})}, up);
  const ValueId sliced =
      builder.node("sliced", Op::Slice, {a}, SliceAttrs{{0, 5, 2, 11}, {1, -2, 1, -1}, {}, {}, {}, {-1, 3, 10, 12}});
  PadAttrs border{{0, 0, 1, 0}, {0, 0, 1, 0}, 0};
  const ValueId padded = builder.node("padded", Op::Pad, {sliced}, border);
  const ValueId b = builder.conv("b", padded, 3, 4, 1);
  const auto parts = builder.node("part", Op::Split, {b}, SplitAttrs{1, {1, 3}}, 2);
  ResizeAttrs nearest;
  nearest.scales = {1, 1, 2, 2};
  nearest.coordinates = ResizeAttrs::Coordinates::asymmetric;
  nearest.nearest = ResizeAttrs::Nearest::floor;
  const ValueId near = builder.node("near", Op::Resize, {parts[0]}, nearest);
  ResizeAttrs linear;
  linear.mode = ResizeAttrs::Mode::linear;
  linear.scales = {1, 1, 2, 2};
  const ValueId smooth = builder.node("smooth", Op::Resize, {parts[1]}, linear);
  const ValueId joined = builder.concat("joined", {near, smooth});
  const ValueId turned = builder.node("turned", Op::Transpose, {joined}, TransposeAttrs{{0, 2, 3, 1}});
  const ValueId mean = builder.node("mean", Op::ReduceMean, {turned}, ReduceMeanAttrs{{1, 2}, false});
  check_round_trip(builder.finish({mean, b}));
}

TEST_CASE("every unary function survives export, those of several ONNX nodes too") {
  for (UnaryFn fn :
       {UnaryFn::relu, UnaryFn::leaky_relu, UnaryFn::elu, UnaryFn::sigmoid, UnaryFn::hard_sigmoid, UnaryFn::hard_swish,
        UnaryFn::silu, UnaryFn::tanh, UnaryFn::gelu_erf, UnaryFn::erf, UnaryFn::exp, UnaryFn::log, UnaryFn::sqrt,
        UnaryFn::reciprocal, UnaryFn::neg, UnaryFn::abs, UnaryFn::floor, UnaryFn::ceil, UnaryFn::softplus}) {
    INFO("function " << static_cast<int>(fn));
    GraphBuilder builder;
    const ValueId x = builder.input("x", {1, 3, 4, 4});
    // The pool between keeps relu from being fused.
    PoolAttrs average;
    average.kind = PoolKind::average;
    average.window.kernel = {2, 2};
    const ValueId pooled = builder.node("pooled", Op::Pool, {builder.conv("a", x, 3, 3)}, average);
    UnaryAttrs attrs;
    attrs.fn = fn;
    if (fn == UnaryFn::leaky_relu || fn == UnaryFn::elu) attrs.alpha = 0.3F;
    if (fn == UnaryFn::hard_sigmoid) attrs = {fn, 0.2F, 0.4F, {}};
    const ValueId y = builder.node("y", Op::Unary, {pooled}, attrs);
    const Graph fp32 = builder.finish({builder.conv("z", y, 3, 2)});
    check_round_trip(fp32);
    const auto back = read_back(exported(fp32));
    const auto& read = test::node_called(back, "y").as<UnaryAttrs>();
    CHECK(read.fn == fn);
    CHECK(read.alpha == attrs.alpha);
    CHECK(read.beta == attrs.beta);
  }
}

TEST_CASE("matrix products of rank 3, and arithmetic with constants, survive export") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {-1, 5, 8});
  const ValueId q =
      builder.node("q", Op::Dense, {x, builder.random("wq", {8, 8}), builder.random("bq", {8})}, DenseAttrs{});
  const ValueId k = builder.node("k", Op::Dense, {x, builder.random("wk", {8, 8})}, DenseAttrs{});
  const ValueId kt = builder.node("kt", Op::Transpose, {k}, TransposeAttrs{{0, 2, 1}});
  const ValueId scores = builder.node("scores", Op::MatMul, {q, kt}, MatMulAttrs{});
  const ValueId scaled = builder.binary("scaled", BinaryFn::mul, scores, builder.constant("s", {}, {0.35F}));
  const ValueId p = builder.node("p", Op::Softmax, {scaled}, SoftmaxAttrs{2});
  const ValueId y = builder.node("y", Op::MatMul, {p, x}, MatMulAttrs{});
  const ValueId z = builder.binary("z", BinaryFn::sub, y, x);
  check_round_trip(builder.finish({z}));
}

TEST_CASE("float operators inside a quantized model keep their borders") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 3, 6, 6});
  const ValueId a = builder.conv("a", x, 3, 4);
  const ValueId root = builder.unary("root", UnaryFn::sqrt, a);
  const ValueId b = builder.conv("b", root, 4, 4);
  const ValueId c = builder.binary("c", BinaryFn::div, b, builder.constant("k", {4, 1, 1}, {1, 2, 3, 4}));
  const ValueId d = builder.binary("d", BinaryFn::max, c, b);
  check_round_trip(builder.finish({d, a}));
}

TEST_CASE("operators that octet makes others of are read from ONNX files alone") {
  for (const char* op_type : {"QLinearConv", "QLinearMatMul", "Mish", "LRN"}) {
    INFO(op_type);
    CHECK(find_onnx_rule("", op_type) != nullptr);
    CHECK(find_stored_rule("", op_type) == nullptr);
  }
  for (const char* op_type : {"ConvInteger", "MatMulInteger", "Identity"}) {
    INFO(op_type);
    CHECK(find_stored_rule("", op_type) != nullptr);
    CHECK(find_onnx_rule("", op_type) != nullptr);
  }
}

TEST_CASE("the file is what other runtimes expect") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {-1, 3, 8, 8});
  const ValueId y = builder.conv("y", x, 3, 4, 3, 1, test::kRelu);
  const Graph fp32 = builder.finish({y});
  const Graph int8 = convert(fp32, test::ranges_for(fp32), {}).value();
  onnx::ModelProto model;
  REQUIRE(model.ParseFromString(exported(int8)));
  CHECK(model.ir_version() == 7);
  REQUIRE(model.opset_import_size() == 1);
  CHECK(model.opset_import(0).version() == 13);
  std::string ops;
  for (const auto& node : model.graph().node()) ops += node.op_type() + " ";
  CHECK(ops ==
        "QuantizeLinear DequantizeLinear DequantizeLinear DequantizeLinear Conv Relu QuantizeLinear "
        "DequantizeLinear ");
  const auto& input = model.graph().input(0).type().tensor_type();
  CHECK(input.shape().dim(0).dim_param() == "x_0");
  CHECK(input.shape().dim(1).dim_value() == 3);
  std::set<std::string> node_names;
  for (const auto& node : model.graph().node()) CHECK(node_names.insert(node.name()).second);
  CHECK(node_names.contains("y"));
  // Per-channel DequantizeLinear says its axis; names are defined once.
  CHECK(model.graph().node(2).attribute(0).name() == "axis");
  CHECK(model.graph().node(2).attribute(0).i() == 0);
  std::map<std::string, int> defined;
  for (const auto& initializer : model.graph().initializer()) ++defined[initializer.name()];
  for (const auto& node : model.graph().node()) {
    for (const auto& output : node.output()) ++defined[output];
  }
  for (const auto& [name, times] : defined) {
    INFO(name);
    CHECK(times == 1);
  }
}

TEST_CASE("names that clash are told apart, and the model's own are never taken") {
  GraphBuilder builder;
  const ValueId x = builder.input("y_real", {1, 2, 4, 4});  // what the exporter would call a value of its own
  const ValueId a = builder.conv("x_scale", x, 2, 2);
  const ValueId b = builder.conv("x_scale", a, 2, 2);  // twice the same name
  const ValueId y = builder.conv("y", b, 2, 2);
  const Graph fp32 = builder.finish({y});
  const Graph back = read_back(exported(convert(fp32, test::ranges_for(fp32), {}).value()));
  CHECK(back[back.inputs[0]].name == "y_real");
  CHECK(back[back.outputs[0]].name == "y");
  CHECK(back.nodes.size() == 5);
}

TEST_CASE("what opset 13 cannot say is refused by name") {
  GraphBuilder builder;
  const ValueId x = builder.input("x", {1, 2, 9, 9});
  PoolAttrs attrs;
  attrs.kind = PoolKind::average;
  attrs.window.kernel = attrs.window.dilation = {2, 2};
  const ValueId y = builder.node("dilated", Op::Pool, {x}, attrs);
  CHECK(export_onnx(builder.finish({y})).status().message().find("'dilated'") != std::string::npos);

  GraphBuilder lowered;
  const ValueId image = lowered.input("x", {1, 9, 9, 2});
  Conv2dAttrs conv;
  conv.channels_last = true;
  const ValueId z = lowered.node("nhwc", Op::Conv2d, {image, lowered.random("w", {2, 2, 1, 1})}, conv);
  CHECK(export_onnx(lowered.finish({z})).status().message().find("lowered") != std::string::npos);
}
