// SPDX-License-Identifier: Apache-2.0
#include <octet/compare.h>

#include <cmath>
#include <random>

#include "runtime/model_impl.h"
#include "tests/quantize/graphs.h"
#include "tests/support/accuracy.h"

using namespace octet;
using graph::Op;
using graph::ValueId;
using test::GraphBuilder;

namespace {

std::vector<float> normal(std::size_t n, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> distribution(0, 1);
  std::vector<float> values(n);
  for (float& x : values) x = distribution(engine);
  return values;
}

graph::Graph two_convs() {
  GraphBuilder b;
  const ValueId x = b.input("x", {1, 4, 8, 8});
  const ValueId one = b.conv("one", x, 4, 8, 3, 1, test::kRelu);
  const ValueId two = b.conv("two", one, 8, 8, 3, 1);
  return b.finish({b.binary("sum", graph::BinaryFn::add, one, two)});
}

Model converted(const Model& fp32, const std::vector<float>& x, float shrink = 1) {
  Calibrator calibrator = Calibrator::create(fp32).value();
  std::vector<float> shown = x;
  for (float& v : shown) v *= shrink;
  const NamedTensor sample{"x", {1, 4, 8, 8}, shown};
  calibrator.observe(std::span(&sample, 1)).value();
  return calibrator.convert().value();
}

std::vector<OpComparison> compared(const Model& fp32, const Model& int8, const std::vector<float>& x) {
  Comparison comparison = Comparison::create(fp32, int8).value();
  CHECK(comparison.ops().empty());
  const NamedTensor sample{"x", {1, 4, 8, 8}, x};
  comparison.add(std::span(&sample, 1)).value();
  return comparison.ops();
}

const OpComparison& op(const std::vector<OpComparison>& ops, const std::string& name) {
  const auto found = std::ranges::find(ops, name, &OpComparison::name);
  INFO(name);
  REQUIRE(found != ops.end());
  return *found;
}

}  // namespace

TEST_CASE("compare: figures agree with their definitions", "[compare]") {
  const Model fp32 = runtime::make_model(two_convs(), nullptr);
  const std::vector<float> x = normal(256, 1);
  const Model int8 = converted(fp32, x);
  const auto ops = compared(fp32, int8, x);
  REQUIRE(ops.size() == 4);  // the input's Quantize first, then in execution order
  CHECK(ops[0].op == "Quantize");
  CHECK(ops[1].name == "one");
  CHECK(ops[2].name == "two");
  CHECK(ops[3].name == "sum");

  const auto output_of = [&](const Model& model) {
    Session session = Session::create(model).value();
    std::ranges::copy(x, session.input<float>().begin());
    session.run();
    const auto y = session.output<float>();
    return std::vector<float>(y.begin(), y.end());
  };
  const std::vector<float> exact = output_of(fp32), rounded = output_of(int8);
  double signal = 0, error = 0, most = 0, dot = 0, own = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double e = static_cast<double>(rounded[i]) - exact[i];
    signal += static_cast<double>(exact[i]) * exact[i];
    own += static_cast<double>(rounded[i]) * rounded[i];
    dot += static_cast<double>(exact[i]) * rounded[i];
    error += e * e;
    most = std::max(most, std::abs(e));
  }
  const OpComparison& sum = op(ops, "sum");
  CHECK(std::abs(sum.sqnr_db - 10 * std::log10(signal / error)) < 1e-6);
  CHECK(std::abs(sum.max_error - most) < 1e-9);
  CHECK(std::abs(sum.cosine - dot / std::sqrt(signal * own)) < 1e-9);
  CHECK(sum.clipped < 0.01);
  CHECK(sum.sqnr_db > 30);
  CHECK(std::ranges::count(ops, true, &OpComparison::worst) == 1);
}

TEST_CASE("compare: the error is blamed on what made it", "[compare]") {
  const Model fp32 = runtime::make_model(two_convs(), nullptr);
  const std::vector<float> x = normal(256, 2);
  SECTION("a healthy model") {
    const auto ops = compared(fp32, converted(fp32, x), x);
    CHECK(op(ops, "one").parts.upstream < 1e-6);  // its input was rounded, no operator stands before it
    CHECK(op(ops, "one").parts.input > 0);
    CHECK(op(ops, "two").parts.upstream > 0);
    for (const OpComparison& one : ops) CHECK(one.clipped < 0.01);
  }
  SECTION("weights of one layer on three bits") {
    graph::Graph graph = converted(fp32, x).impl().graph;
    for (graph::Node& node : graph.nodes) {
      if (node.name != "two") continue;
      graph::Value w = graph.input(node, 1);
      std::vector<std::int8_t> codes(w.as<std::int8_t>().begin(), w.as<std::int8_t>().end());
      for (std::int8_t& code : codes) code = static_cast<std::int8_t>(code / 32 * 32);
      graph::Value coarse = graph::Graph::make_constant(w.name, DType::s8, w.shape, std::as_bytes(std::span(codes)));
      coarse.quant = w.quant;
      coarse.shape_known = true;
      graph.input(node, 1) = coarse;
    }
    const auto ops = compared(fp32, runtime::make_model(graph, nullptr), x);
    CHECK(op(ops, "two").enters == "weights");
    CHECK(op(ops, "one").enters != "weights");
    CHECK(op(ops, "sum").enters == "upstream");
    CHECK(op(ops, "two").worst);
  }
  SECTION("ranges calibrated on samples that are too small: codes clip") {
    const auto ops = compared(fp32, converted(fp32, x, 0.4F), x);
    CHECK(ops[0].clipped > 0.05);
    CHECK(op(ops, "two").clipped > 0.01);
    CHECK(op(ops, "one").enters == "input");
  }
}

TEST_CASE("compare: several batches are one set of figures", "[compare]") {
  const Model fp32 = runtime::make_model(two_convs(), nullptr);
  const std::vector<float> x = normal(256, 3);
  const Model int8 = converted(fp32, x);
  Comparison comparison = Comparison::create(fp32, int8).value();
  const NamedTensor sample{"x", {1, 4, 8, 8}, x};
  comparison.add(std::span(&sample, 1)).value();
  const double once = comparison.ops().back().sqnr_db;
  comparison.add(std::span(&sample, 1)).value();
  CHECK(std::abs(comparison.ops().back().sqnr_db - once) < 1e-9);
}

TEST_CASE("compare: what cannot be compared is refused in one sentence", "[compare]") {
  const Model fp32 = runtime::make_model(two_convs(), nullptr);
  const std::vector<float> x = normal(256, 4);
  const Model int8 = converted(fp32, x);
  CHECK(Comparison::create(int8, int8).status().message().find("must be the float one") != std::string::npos);
  CHECK(Comparison::create(fp32, fp32).status().message().find("not quantized") != std::string::npos);
  GraphBuilder other;
  const ValueId z = other.input("z", {1, 4});
  const Model stranger = runtime::make_model(other.finish({other.unary("t", graph::UnaryFn::tanh, z)}), nullptr);
  CHECK(Comparison::create(stranger, int8).status().message().find("no operator") != std::string::npos);
  Comparison comparison = Comparison::create(fp32, int8).value();
  const NamedTensor wrong{"x", {1, 4, 8, 8}, std::span(x).subspan(1)};
  CHECK(comparison.add(std::span(&wrong, 1)).message().find("input 'x'") != std::string::npos);
}

TEST_CASE("compare: digits, quantized by octet and trained with fake quantization", "[compare]") {
  const Model fp32 = Model::load(test::digits("digits_fp32.onnx")).value();
  const auto calibration = test::load(test::digits("calibration_images.npy"));
  const Model own = test::quantized(fp32, calibration.bytes, 20);
  Shape shape = calibration.shape;
  shape[0] = 1;
  const auto first = calibration.as<float>().subspan(0, static_cast<std::size_t>(shape.count()));
  const NamedTensor sample{"image", shape, first};
  Comparison comparison = Comparison::create(fp32, own).value();
  comparison.add(std::span(&sample, 1)).value();
  for (const OpComparison& one : comparison.ops()) {
    INFO(one.name);
    CHECK(one.sqnr_db > 20);
    CHECK(one.cosine > 0.99);
    CHECK(one.has_parts);
  }
}
