// SPDX-License-Identifier: Apache-2.0
// Dynamic quantization: read as other tools write it, made by octet, written and read back; the same bytes on every
// backend and thread count.
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>

#include "tests/support/run_model.h"

using namespace octet;
using tests::Dims;
using tests::OnnxBuilder;
using tests::Run;

namespace {

std::vector<float> random_reals(std::size_t count, std::uint32_t seed, float spread = 1) {
  std::mt19937 engine(seed);
  std::uniform_real_distribution<float> real(-spread, spread);
  std::vector<float> reals(count);
  for (float& x : reals) x = real(engine);
  return reals;
}

std::vector<std::int8_t> random_codes(std::size_t count, std::uint32_t seed) {
  std::mt19937 engine(seed);
  std::vector<std::int8_t> codes(count);
  for (auto& code : codes) code = static_cast<std::int8_t>(static_cast<int>(engine() % 255) - 127);
  return codes;
}

// A strided convolution, a depthwise one behind it and a matrix product: every kind that is quantized.
OnnxBuilder float_network() {
  OnnxBuilder model;
  model.input("image", {-1, 3, 12, 12}).output("y");
  model.initializer("w1", {8, 3, 3, 3}, random_reals(216, 1, 0.3F)).initializer("b1", {8}, random_reals(8, 2));
  model.initializer("w2", {8, 1, 3, 3}, random_reals(72, 3, 0.3F));
  model.initializer("w3", {10, 8}, random_reals(80, 4, 0.5F)).initializer("b3", {10}, random_reals(10, 5));
  model.node("Conv", {"image", "w1", "b1"}, {"c1"}).set("strides", {2, 2}).set("pads", {1, 1, 1, 1});
  model.node("Relu", {"c1"}, {"r1"});
  model.node("Conv", {"r1", "w2"}, {"c2"}).name("depthwise").set("group", 8).set("pads", {1, 1, 1, 1});
  model.node("GlobalAveragePool", {"c2"}, {"p"});
  model.node("Flatten", {"p"}, {"f"});
  model.node("Gemm", {"f", "w3", "b3"}, {"y"}).name("classifier").set("transB", 1);
  return model;
}

Model parse(const OnnxBuilder& builder) { return Model::parse(tests::as_bytes(builder.bytes())).value(); }

std::vector<float> run(const Model& model, const std::vector<float>& x,
                       const SessionOptions& options = {.threads = 1}) {
  auto session = Session::create(model, options).value();
  REQUIRE(session.input<float>().size() == x.size());
  std::ranges::copy(x, session.input<float>().begin());
  session.run();
  const auto y = session.output<float>();
  return {y.begin(), y.end()};
}

std::vector<std::string> ops_of(const Model& model) {
  const Session session = Session::create(model, {.threads = 1}).value();
  std::vector<std::string> ops;
  for (const OpInfo& op : session.ops()) ops.push_back(op.op + " " + op.precision);
  return ops;
}

void check_same_everywhere(const Model& model, const std::vector<float>& x) {
  const std::vector<float> expected = run(model, x, {.backend = "scalar", .threads = 1});
  for (const BackendInfo& backend : backends()) {
    if (!backend.usable) continue;
    for (int threads : {1, 2, 3}) {
      INFO(backend.name << ", " << threads << " threads");
      CHECK(run(model, x, {.backend = backend.name, .threads = threads}) == expected);
    }
  }
}

Model saved_and_loaded(const Model& model) {
  const auto path = std::filesystem::temp_directory_path() / "octet_dynamic_test.onnx";
  REQUIRE(model.save(path).ok());
  Model loaded = Model::load(path).value();
  std::filesystem::remove(path);
  return loaded;
}

double sqnr_db(const std::vector<float>& exact, const std::vector<float>& other) {
  double signal = 0, noise = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    signal += double{exact[i]} * exact[i];
    noise += (double{exact[i]} - other[i]) * (double{exact[i]} - other[i]);
  }
  return 10 * std::log10(signal / noise);
}

}  // namespace

TEST_CASE("DynamicQuantizeLinear: codes, scale and zero point are outputs like any other") {
  OnnxBuilder model;
  model.input("x", {2, 3}).output("q").output("s").output("z");
  model.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
  Run run(model);
  run.set<float>("x", {0, 2, -3, -2.5F, 1.34F, 0.5F});  // the operator definition's own example
  CHECK(run.get<std::uint8_t>("q") == std::vector<std::uint8_t>{153, 255, 0, 26, 221, 179});
  CHECK(run.get<std::uint8_t>("z") == std::vector<std::uint8_t>{153});
  CHECK(run.get<float>("s") == std::vector<float>{5.0F / 255.0F});
}

TEST_CASE("a dynamic convolution is one operator, and exact") {
  const std::int64_t groups = GENERATE(1, 2);
  const bool one_axis = GENERATE(false, true);
  const std::int64_t h = one_axis ? 1 : 5, kh = one_axis ? 1 : 3;
  OnnxBuilder model;
  const std::vector<std::int8_t> w = random_codes(static_cast<std::size_t>(6 * (4 / groups) * kh * 3), 7);
  const std::vector<float> scales{0.01F, 0.02F, 0.03F, 0.04F, 0.05F, 0.06F}, bias = random_reals(6, 8);
  const Dims image = one_axis ? Dims{1, 4, 7} : Dims{1, 4, h, 7};
  const Dims per_output = one_axis ? Dims{6, 1} : Dims{6, 1, 1};
  model.input("x", image).output("y");
  model.initializer("w", one_axis ? Dims{6, 4 / groups, 3} : Dims{6, 4 / groups, 3, 3}, w);
  model.initializer<std::int8_t>("w_z", {}, {0}).initializer("w_s", per_output, scales);
  model.initializer("b", one_axis ? Dims{1, 6, 1} : Dims{1, 6, 1, 1}, bias);
  model.node("DynamicQuantizeLinear", {"x"}, {"q", "s", "z"});
  auto conv = model.node("ConvInteger", {"q", "w", "z", "w_z"}, {"sum"}).set("group", groups);
  conv.set("pads", one_axis ? Dims{1, 1} : Dims{1, 1, 1, 1});
  model.node("Cast", {"sum"}, {"real"}).set("to", 1);
  model.node("Mul", {"s", "w_s"}, {"scale"});
  model.node("Mul", {"real", "scale"}, {"scaled"});
  model.node("Add", {"scaled", "b"}, {"sum_b"});
  model.node("Relu", {"sum_b"}, {"y"});
  const std::vector<float> x = random_reals(static_cast<std::size_t>(4 * h * 7), 9, 3);
  Run run(model);
  INFO(run.ledger());
  CHECK(run.ledger().find("DynamicConv2d int8->fp32") != std::string::npos);
  if (!one_axis) CHECK(run.ledger().find("Binary") == std::string::npos);
  const auto y = run.set("x", x).get<float>("y");

  const auto [least, most] = std::ranges::minmax(x);
  const float step = (most - least) / 255.0F;
  const int zero = static_cast<int>(std::nearbyint(0.0F - least / step));
  std::vector<int> q;
  for (float v : x) q.push_back(std::clamp(static_cast<int>(std::nearbyint(v / step)) + zero, 0, 255) - zero);
  const std::int64_t kc = 4 / groups;
  for (std::int64_t o = 0; o < 6; ++o) {
    for (std::int64_t at = 0; at < h * 7; ++at) {
      int sum = 0;
      for (std::int64_t p = 0; p < kc; ++p) {
        for (std::int64_t ky = 0; ky < kh; ++ky) {
          for (std::int64_t kx = 0; kx < 3; ++kx) {
            const std::int64_t iy = at / 7 + ky - kh / 2, ix = at % 7 + kx - 1;
            if (iy < 0 || iy >= h || ix < 0 || ix >= 7) continue;
            const std::int64_t channel = o / (6 / groups) * kc + p;
            sum += q[static_cast<std::size_t>((channel * h + iy) * 7 + ix)] *
                   w[static_cast<std::size_t>(((o * kc + p) * kh + ky) * 3 + kx)];
          }
        }
      }
      const auto c = static_cast<std::size_t>(o);
      const float expected = std::max(0.0F, static_cast<float>(sum) * (step * scales[c]) + bias[c]);
      CHECK(y[static_cast<std::size_t>(o * h * 7 + at)] == expected);
    }
  }
}

TEST_CASE("quantized dynamically: int8 weights, the same bytes everywhere, close to the float model") {
  const Model fp32 = parse(float_network());
  const Model dynamic = quantize_dynamic(fp32).value();
  CHECK(dynamic.is_quantized());
  const std::vector<float> x = random_reals(3 * 144, 21, 2);
  CHECK(sqnr_db(run(fp32, x), run(dynamic, x)) > 30);
  int products = 0;
  for (const std::string& op : ops_of(dynamic)) {
    CHECK_FALSE((op == "Conv2d fp32" || op == "Dense fp32"));
    products += op == "DynamicConv2d int8->fp32" || op == "DynamicDense int8->fp32";
  }
  CHECK(products == 3);
  check_same_everywhere(dynamic, x);
}

TEST_CASE("a dynamically quantized model is an ONNX file that gives the same graph and bytes") {
  QConfig config;
  config.weight.per_channel = GENERATE(true, false);
  if (GENERATE(true, false)) {  // u8 weights with zero points of their own
    config.weight.dtype = DType::u8;
    config.weight.scheme = Scheme::affine;
    config.weight.quant_min = 0;
    config.weight.quant_max = 255;
  }
  const auto dynamic = quantize_dynamic(parse(float_network()), config);
  INFO(dynamic.status().message());
  REQUIRE(dynamic.ok());
  const Model again = saved_and_loaded(*dynamic);
  CHECK(ops_of(again) == ops_of(*dynamic));
  const std::vector<float> x = random_reals(3 * 144, 22, 2);
  CHECK(run(again, x) == run(*dynamic, x));

  const auto path = std::filesystem::temp_directory_path() / "octet_dynamic_test.octet";
  REQUIRE(dynamic->compile(path).ok());
  CHECK(run(Model::open(path).value(), x) == run(*dynamic, x));
  std::filesystem::remove(path);
}

TEST_CASE("rules keep operators float, and a quantized model is refused") {
  const Model fp32 = parse(float_network());
  QConfig config;
  QConfigRule rule;
  rule.name = "depthwise";
  rule.keep_float = true;
  config.rules.push_back(rule);
  const Model dynamic = quantize_dynamic(fp32, config).value();
  const auto ops = ops_of(dynamic);
  CHECK(std::ranges::count(ops, "Conv2d fp32") == 1);
  CHECK(std::ranges::count(ops, "DynamicConv2d int8->fp32") == 1);
  const Session session = Session::create(dynamic).value();
  for (const OpInfo& op : session.ops())
    if (op.op == "Conv2d") CHECK(op.reason == "kept in fp32 by the configuration");
  CHECK(quantize_dynamic(dynamic).status().message().find("quantized already") != std::string::npos);
}

TEST_CASE("hostile activations of a dynamic model end in numbers, never in a crash") {
  const Model dynamic = quantize_dynamic(parse(float_network())).value();
  std::vector<float> x = random_reals(3 * 144, 23);
  x[5] = std::nanf("");
  for (float y : run(dynamic, x)) CHECK(std::isfinite(y));
  for (float value : {0.0F, -0.0F, 1e-42F, -1e30F}) {
    std::ranges::fill(x, value);
    check_same_everywhere(dynamic, x);
  }
  std::ranges::fill(x, std::numeric_limits<float>::infinity());
  CHECK(run(dynamic, x).size() == 10);
}
