// SPDX-License-Identifier: Apache-2.0
// One small network in the many ways in which QDQ files write it: all compute on codes, and those that mean the same
// numbers give the same bytes.
#include <functional>

#include "tests/support/run_model.h"

using namespace octet;
using tests::Dims;
using tests::OnnxBuilder;

namespace {

constexpr float kIn = 0.02F, kMiddle = 0.05F, kOut = 0.2F;

// How the file is written; the network is Conv, Relu, MaxPool, Conv.
struct Dialect {
  int opset = 13;
  Dims scale_dims = {};              // [] or [1]
  bool zero_points = true;           // absent: u8, and 0
  bool weights_from_floats = false;  // Q -> DQ pairs of float weights instead of stored codes
  bool float_bias = false;
  bool per_channel = false;
  bool repeated_borders = false;     // each reader has a Quantize and a Dequantize of its own
  bool pool_between_borders = true;  // DQ -> MaxPool -> Q, or MaxPool in front of the Quantize
};

class Writer {
 public:
  explicit Writer(const Dialect& dialect) : dialect_(dialect), model_(dialect.opset) {}

  OnnxBuilder write() {
    model_.input("x", {1, 2, 6, 6}).output("y_codes");
    parameters("x", kIn, 0);
    parameters("a", kMiddle, 0);
    parameters("p", kMiddle, 0);
    parameters("y", kOut, 0);
    const std::string x = through_codes("x", "x");
    model_.node("Conv", {x, weights("w1", {4, 2, 3, 3}), bias("b1", 4, kIn)}, {"c1"}).set("pads", {1, 1, 1, 1});
    model_.node("Relu", {"c1"}, {"a_real"});
    std::string a = "a_real";
    if (dialect_.pool_between_borders) a = through_codes("a_real", "a");
    model_.node("MaxPool", {a}, {"p_real"}).set("kernel_shape", {2, 2}).set("strides", {2, 2});
    const std::string p = through_codes("p_real", "p");
    model_.node("Conv", {p, weights("w2", {3, 4, 1, 1}), bias("b2", 3, kMiddle)}, {"y_real"});
    if (!dialect_.repeated_borders) {
      quantize("y_real", "y", "y_codes");
      return std::move(model_);
    }
    const std::string other = through_codes("p_real", "p");  // the same border again, for a second reader
    model_.node("Conv", {other, "w2", "b2"}, {"z_real"});
    quantize("z_real", "y", "z_codes");
    quantize("y_real", "y", "y_codes");
    model_.output("z_codes");
    return std::move(model_);
  }

 private:
  void parameters(const std::string& name, float scale, std::uint8_t zero) {
    model_.initializer<float>(name + "_s", dialect_.scale_dims, {scale});
    if (dialect_.zero_points) model_.initializer<std::uint8_t>(name + "_z", dialect_.scale_dims, {zero});
  }
  std::vector<std::string> with(std::string first, const std::string& name) const {
    std::vector<std::string> inputs{std::move(first), name + "_s"};
    if (dialect_.zero_points) inputs.push_back(name + "_z");
    return inputs;
  }
  void quantize(const std::string& from, const std::string& name, const std::string& to) {
    model_.node("QuantizeLinear", with(from, name), {to});
  }
  // `from` as codes and back, with the parameters of `name`.
  std::string through_codes(const std::string& from, const std::string& name) {
    const std::string to = name + std::to_string(++count_);
    quantize(from, name, to + "_codes");
    model_.node("DequantizeLinear", with(to + "_codes", name), {to});
    return to;
  }

  std::string weights(const std::string& name, const Dims& dims) {
    std::size_t count = 1;
    for (std::int64_t dim : dims) count *= static_cast<std::size_t>(dim);
    std::vector<std::int8_t> codes;
    for (std::size_t i = 0; i < count; ++i)
      codes.push_back(static_cast<std::int8_t>(static_cast<int>(i * 53 % 187) - 60));
    // One scale, or as many that are all the same: the numbers stay what they are.
    const std::vector<float> scales(dialect_.per_channel ? static_cast<std::size_t>(dims[0]) : 1, 0.01F);
    const Dims entries = dialect_.per_channel ? Dims{dims[0]} : dialect_.scale_dims;
    model_.initializer(name + "_s", entries, scales);
    std::vector<std::string> inputs{name + "_codes", name + "_s"};
    if (dialect_.zero_points || dialect_.weights_from_floats) {
      model_.initializer(name + "_z", entries, std::vector<std::int8_t>(scales.size(), 0));
      inputs.push_back(name + "_z");
    }
    if (dialect_.weights_from_floats) {
      std::vector<float> reals;
      for (std::int8_t code : codes) reals.push_back(0.01F * static_cast<float>(code));
      model_.initializer(name + "_real", dims, reals);
      auto node = model_.node("QuantizeLinear", {name + "_real", name + "_s", name + "_z"}, {name + "_codes"});
      if (dialect_.per_channel) node.set("axis", 0);
    } else {
      model_.initializer(name + "_codes", dims, codes);
    }
    auto node = model_.node("DequantizeLinear", inputs, {name});
    if (dialect_.per_channel) node.set("axis", -static_cast<int>(dims.size()));
    return name;
  }

  std::string bias(const std::string& name, std::int64_t outputs, float input_scale) {
    std::vector<std::int32_t> codes;
    std::vector<float> reals;
    for (int i = 0; i < outputs; ++i) {
      codes.push_back(700 * i - 900);
      reals.push_back(input_scale * 0.01F * static_cast<float>(codes.back()));
    }
    if (dialect_.float_bias) {
      model_.initializer(name, {outputs}, reals);
      return name;
    }
    const std::size_t entries = dialect_.per_channel ? codes.size() : 1;
    model_.initializer(name + "_codes", {outputs}, codes);
    model_.initializer(name + "_s", dialect_.per_channel ? Dims{outputs} : Dims{},
                       std::vector<float>(entries, input_scale * 0.01F));
    auto node = model_.node("DequantizeLinear", {name + "_codes", name + "_s"}, {name});
    if (dialect_.per_channel) node.set("axis", 0);
    return name;
  }

  const Dialect dialect_;
  OnnxBuilder model_;
  int count_ = 0;
};

std::vector<float> image() {
  std::vector<float> x;
  for (int i = 0; i < 72; ++i) x.push_back(static_cast<float>(i * 37 % 101) * 0.05F);
  return x;
}

struct Named {
  const char* what;
  Dialect dialect;
};

}  // namespace

TEST_CASE("every dialect of QDQ computes on codes and gives the same bytes") {
  const auto with = [](const std::function<void(Dialect&)>& change) {
    Dialect dialect;
    change(dialect);
    return dialect;
  };
  const std::vector<Named> dialects{
      {"opset 10", with([](Dialect& d) { d.opset = 10; })},
      {"opset 11", with([](Dialect& d) { d.opset = 11; })},
      {"opset 13, per channel", with([](Dialect& d) { d.per_channel = true; })},
      {"opset 19", with([](Dialect& d) { d.opset = 19; })},
      {"opset 21, per channel", with([](Dialect& d) { d.opset = 21, d.per_channel = true; })},
      {"scales of shape [1]", with([](Dialect& d) { d.scale_dims = {1}; })},
      {"no zero points", with([](Dialect& d) { d.zero_points = false; })},
      {"weights quantized in the file", with([](Dialect& d) { d.weights_from_floats = true; })},
      {"the same per channel", with([](Dialect& d) { d.weights_from_floats = d.per_channel = true; })},
      {"float bias", with([](Dialect& d) { d.float_bias = true; })},
      {"a border per reader", with([](Dialect& d) { d.repeated_borders = true; })},
      {"MaxPool in front of the border", with([](Dialect& d) { d.pool_between_borders = false; })},
  };
  const auto codes = [](const Dialect& dialect, const RequantMode mode) {
    tests::Run run(Writer(dialect).write(), {.threads = 1, .requant = mode});
    CHECK(run.ledger().find("Conv2d fp32") == std::string::npos);
    CHECK(run.ledger().find("Pool fp32") == std::string::npos);
    CHECK(run.ledger().find("Dequantize") == std::string::npos);
    return run.set("x", image()).get<std::uint8_t>("y_codes");
  };
  for (const RequantMode mode : {RequantMode::fixed, RequantMode::floating}) {
    const std::vector<std::uint8_t> expected = codes({}, mode);
    CHECK(std::ranges::count(expected, 0) < static_cast<std::ptrdiff_t>(expected.size()) / 2);
    for (const Named& named : dialects) {
      INFO(named.what);
      CHECK(codes(named.dialect, mode) == expected);
    }
  }
}

TEST_CASE("parameters per channel along any axis") {
  struct Case {
    const char* op;
    Dims dims;
    int axis;
  };
  const auto one = GENERATE(values<Case>({{"Conv", {4, 3, 1, 1}, 0},
                                          {"ConvTranspose", {3, 4, 1, 1}, 1},
                                          {"MatMul", {3, 4}, 1},
                                          {"MatMul", {3, 4}, -1},
                                          {"Gemm", {4, 3}, 0},
                                          {"Gemm", {3, 4}, 1}}));
  INFO(one.op << " along axis " << one.axis);
  OnnxBuilder model;
  const bool image = one.dims.size() == 4, transposed = one.dims[0] == 4 && !image;
  model.input<std::uint8_t>("x", image ? Dims{1, 3, 2, 2} : Dims{4, 3}).output("y_codes");
  model.initializer<float>("s", {}, {0.5F}).initializer<std::uint8_t>("z", {}, {std::uint8_t{9}});
  model.node("DequantizeLinear", {"x", "s", "z"}, {"real"});
  const std::vector<float> scales{0.25F, 0.5F, 1, 2};
  model.dequantized<std::int8_t>("w", one.dims, {1, 2, 3, -4, 5, 6, -7, 8, 9, 10, -11, 12}, scales, one.axis);
  auto node = model.node(one.op, {"real", "w"}, {"y"});
  if (transposed) node.set("transB", 1);
  model.initializer<float>("sy", {}, {4}).initializer<std::uint8_t>("zy", {}, {std::uint8_t{128}});
  model.node("QuantizeLinear", {"y", "sy", "zy"}, {"y_codes"});
  std::vector<std::uint8_t> x(12);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i * 5);
  tests::Run run(model, {.threads = 1, .requant = RequantMode::floating});
  CHECK(run.ledger().find("fp32") == std::string::npos);
  const auto y = run.set("x", x).get<std::uint8_t>("y_codes");
  const int w[] = {1, 2, 3, -4, 5, 6, -7, 8, 9, 10, -11, 12};
  const bool outputs_first = one.dims[0] == 4;
  for (std::size_t row = 0; row < 4; ++row) {  // or pixel
    for (std::size_t out = 0; out < 4; ++out) {
      double sum = 0;
      for (std::size_t k = 0; k < 3; ++k)
        sum += 0.5 * (x[image ? k * 4 + row : row * 3 + k] - 9) * w[outputs_first ? out * 3 + k : k * 4 + out];
      const double code = std::clamp(std::nearbyint(sum * double{scales[out]} / 4) + 128, 0.0, 255.0);
      CHECK(int{y[image ? out * 4 + row : row * 4 + out]} == static_cast<int>(code));
    }
  }
}

TEST_CASE("one Dequantize for several readers, and borders with other parameters behind each other") {
  OnnxBuilder model;
  model.input<std::uint8_t>("x", {1, 2, 3, 3}).output("y_codes");
  model.initializer<float>("s", {}, {0.5F}).initializer<std::uint8_t>("z", {}, {std::uint8_t{9}});
  model.initializer<float>("s2", {}, {1}).initializer<std::uint8_t>("z2", {}, {std::uint8_t{40}});
  model.node("DequantizeLinear", {"x", "s", "z"}, {"real"});
  model.dequantized<std::int8_t>("w", {2, 2, 1, 1}, {1, -2, 3, 4}, {0.5F});
  model.node("Conv", {"real", "w"}, {"a"});
  model.node("QuantizeLinear", {"a", "s", "z"}, {"a_codes"});
  model.node("DequantizeLinear", {"a_codes", "s", "z"}, {"a_real"});
  model.node("QuantizeLinear", {"a_real", "s2", "z2"}, {"a2_codes"});  // a requantization
  model.node("DequantizeLinear", {"a2_codes", "s2", "z2"}, {"a2"});
  model.node("Add", {"a2", "real"}, {"y"});  // the second reader of the first border
  model.node("QuantizeLinear", {"y", "s2", "z2"}, {"y_codes"});
  std::vector<std::uint8_t> x(18);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i * 7);
  tests::Run run(model, {.threads = 1, .requant = RequantMode::floating});
  INFO(run.ledger());
  CHECK(run.ledger().find("fp32") == std::string::npos);
  CHECK(run.ledger().find("Requantize int8") != std::string::npos);
  const auto y = run.set("x", x).get<std::uint8_t>("y_codes");
  const auto code = [](double real, double scale, int zero) {
    return std::clamp(std::nearbyint(real / scale) + zero, 0.0, 255.0);
  };
  const int w[] = {1, -2, 3, 4};
  for (std::size_t out = 0; out < 2; ++out) {
    for (std::size_t at = 0; at < 9; ++at) {
      const double sum = 0.25 * ((x[at] - 9) * w[2 * out] + (x[9 + at] - 9) * w[2 * out + 1]);
      const double a = 0.5 * (code(sum, 0.5, 9) - 9), a2 = code(a, 1, 40) - 40;
      CHECK(int{y[out * 9 + at]} == static_cast<int>(code(a2 + 0.5 * (x[out * 9 + at] - 9), 1, 40)));
    }
  }
}

TEST_CASE("borders on the far side of moves belong to the layers before and behind them") {
  const std::string move = GENERATE("Reshape", "Transpose", "MaxPool", "Relu");
  INFO(move);
  OnnxBuilder model;
  model.input<std::uint8_t>("x", {1, 2, 4, 4}).output("y_codes");
  model.initializer<float>("s", {}, {0.5F}).initializer<std::uint8_t>("z", {}, {std::uint8_t{100}});
  model.node("DequantizeLinear", {"x", "s", "z"}, {"real"});
  model.dequantized<std::int8_t>("w", {2, 2, 1, 1}, {1, -2, 3, 4}, {0.5F});
  model.node("Conv", {"real", "w"}, {"a"});
  if (move == "Reshape") {
    model.initializer<std::int64_t>("to", {4}, {1, 2, 2, 8});
    model.node(move, {"a", "to"}, {"b"});
  } else {
    auto node = model.node(move, {"a"}, {"b"});
    if (move == "Transpose") node.set("perm", {0, 1, 3, 2});
    if (move == "MaxPool") node.set("kernel_shape", {2, 2});
  }
  model.node("QuantizeLinear", {"b", "s", "z"}, {"b_codes"});
  model.node("DequantizeLinear", {"b_codes", "s", "z"}, {"c"});
  model.node("Conv", {"c", "w"}, {"y"});
  model.node("QuantizeLinear", {"y", "s", "z"}, {"y_codes"});
  tests::Run run(model, {.threads = 1});
  INFO(run.ledger());
  CHECK(run.ledger().find("fp32") == std::string::npos);
}

TEST_CASE("activations of 7 bits, written as a Clip of codes, keep their range") {
  const int opset = GENERATE(13, 19);
  OnnxBuilder model(opset);
  model.input("x", {1, 2, 2, 2}).output("y_codes");
  model.initializer<float>("s", {}, {0.5F}).initializer<std::uint8_t>("z", {}, {std::uint8_t{64}});
  model.initializer<std::uint8_t>("lo", {}, {std::uint8_t{0}}).initializer<std::uint8_t>("hi", {}, {std::uint8_t{127}});
  model.node("QuantizeLinear", {"x", "s", "z"}, {"wide"});
  model.node("Clip", {"wide", "lo", "hi"}, {"x_codes"});
  model.node("DequantizeLinear", {"x_codes", "s", "z"}, {"real"});
  model.dequantized<std::int8_t>("w", {1, 2, 1, 1}, {1, 1}, {1});
  model.node("Conv", {"real", "w"}, {"y"});
  model.node("QuantizeLinear", {"y", "s", "z"}, {"wide_y"});
  model.node("Clip", {"wide_y", "lo", "hi"}, {"y_codes"});
  tests::Run run(model);
  INFO(run.ledger());
  CHECK(run.ledger().find("Conv2d int8") != std::string::npos);
  CHECK(run.ledger().find("Conv2d int8->fp32") == std::string::npos);
  const auto y = run.set<float>("x", {1000, 2, -1000, 0, 0, 1, 0, 0}).get<std::uint8_t>("y_codes");
  CHECK(y == std::vector<std::uint8_t>{127, 70, 0, 64});  // 31.5, 3, -32 and 0
}

TEST_CASE("quantization in blocks is refused by name") {
  OnnxBuilder model(21);
  model.input("x", {2, 4}).output("y");
  model.initializer<std::int8_t>("w", {4, 2}, std::vector<std::int8_t>(8, 1));
  model.initializer<float>("s", {2, 2}, std::vector<float>(4, 1));
  model.node("DequantizeLinear", {"w", "s"}, {"real"}).name("blocks").set("axis", 0).set("block_size", 2);
  model.node("MatMul", {"x", "real"}, {"y"});
  const auto refused = Model::parse(tests::as_bytes(model.bytes()));
  CHECK(refused.status().message().find("'blocks'") != std::string::npos);
  CHECK(refused.status().message().find("block") != std::string::npos);
}
