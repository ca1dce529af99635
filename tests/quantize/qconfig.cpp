// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/qconfig.h"

#include <random>

#include "graph/quantize/convert.h"
#include "tests/quantize/graphs.h"

using namespace octet;
using test::GraphBuilder;

namespace {

// x -> first/conv -> second/conv -> add (with first/conv) -> sigmoid
graph::Graph small_graph() {
  GraphBuilder builder;
  const auto x = builder.input("x", {1, 2, 4, 4});
  const auto a = builder.conv("first/conv[0]", x, 2, 2);
  const auto b = builder.conv("second/conv[1]", a, 2, 2);
  const auto sum = builder.binary("sum", graph::BinaryFn::add, a, b);
  return builder.finish({builder.unary("y", graph::UnaryFn::sigmoid, sum)});
}

std::string error_of(std::string_view json) {
  const Status status = QConfig::from_json(json).status();
  CHECK_FALSE(status.ok());
  CHECK(status.message().find('\n') == std::string::npos);
  CHECK(status.message().size() < 1000);
  return status.message();
}

bool mentions(const std::string& text, std::string_view part) {
  INFO(text);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("presets are what PyTorch's defaults of that name are") {
  const struct {
    const char* name;
    CodeBounds activation, weight;
    bool per_channel;
    ObserverKind observer;
    ScaleRule rule;
  } rows[] = {
      {"fbgemm", {0, 127}, {-128, 127}, true, ObserverKind::histogram, ScaleRule::half},
      {"x86", {0, 127}, {-128, 127}, true, ObserverKind::histogram, ScaleRule::half},
      {"qnnpack", {0, 255}, {-128, 127}, false, ObserverKind::histogram, ScaleRule::half},
      {"onednn", {0, 255}, {-128, 127}, true, ObserverKind::histogram, ScaleRule::half},
      {"octet", {0, 255}, {-127, 127}, true, QConfig{}.observer.kind, ScaleRule::exact},
  };
  for (const auto& row : rows) {
    INFO(row.name);
    const QConfig config = QConfig::preset(row.name).value();
    CHECK(config.activation.dtype == DType::u8);
    CHECK(config.activation.scheme == Scheme::affine);
    CHECK(config.activation.bounds() == row.activation);
    CHECK(config.activation.eps == 0x1p-23F);
    CHECK(config.weight.dtype == DType::s8);
    CHECK(config.weight.scheme == Scheme::symmetric);
    CHECK(config.weight.bounds() == row.weight);
    CHECK(config.weight.per_channel == row.per_channel);
    CHECK(config.weight.rule == row.rule);
    CHECK(config.observer.kind == row.observer);
    CHECK(config.observer.bins == 2048);
    CHECK(config.weight_observer.kind == ObserverKind::min_max);
    CHECK(config.rules.empty());
    CHECK(graph::check_config(config).ok());
    CHECK(QConfig::from_json(config.to_json()).value() == config);
  }
  CHECK(QConfig::preset("octet").value() == QConfig{});
  CHECK(QConfig::preset("fbgem").status().message() ==
        "preset 'fbgem': must be one of octet, fbgemm, x86, qnnpack, onednn");
}

TEST_CASE("a configuration in JSON says what it says, and reads back as itself") {
  const QConfig config = QConfig::from_json(R"({
    "preset": "qnnpack",
    "observer": {"kind": "percentile", "percentile": 99.9, "bins": 4096},
    "activation": {"dtype": "s8", "reduce_range": true, "eps": 0.000244140625},
    "weight": {"quant_min": -127, "scale_rule": "exact", "per_channel": true},
    "weight_observer": "mse",
    "rules": [
      {"op_type": "conv2d", "observer": "entropy"},
      {"name": "first/*", "keep_float": true, "weight": {"scheme": "affine"}}
    ]
  })")
                             .value();
  CHECK(config.observer == ObserverSpec{ObserverKind::percentile, 0.01F, 4096, 99.9});
  CHECK(config.activation.dtype == DType::s8);
  CHECK(config.activation.bounds() == CodeBounds{-64, 63});
  CHECK(config.activation.eps == 0x1p-12F);
  CHECK(config.activation.rule == ScaleRule::half);
  CHECK(config.weight.bounds() == CodeBounds{-127, 127});
  CHECK(config.weight.rule == ScaleRule::exact);
  CHECK(config.weight_observer.kind == ObserverKind::mse);
  REQUIRE(config.rules.size() == 2);
  CHECK(config.rules[0].observer == ObserverSpec{ObserverKind::entropy, 0.01F, 4096, 99.9});
  CHECK_FALSE(config.rules[0].keep_float);
  CHECK(config.rules[1].keep_float == true);
  CHECK(config.rules[1].weight->scheme == Scheme::affine);
  CHECK(config.rules[1].weight->quant_min == -127);
  CHECK(QConfig::from_json(config.to_json()).value() == config);
  CHECK(QConfig::from_json("{}").value() == QConfig{});
}

TEST_CASE("JSON that is not understood names the place") {
  CHECK(mentions(error_of(""), "configuration: "));
  CHECK(mentions(error_of("[]"), "must be an object"));
  CHECK(mentions(error_of("{\"observer\": 3}"), "observer: must be an object"));
  CHECK(mentions(error_of("{\"observr\": \"mse\"}"), "key \"observr\": must be one of preset, observer"));
  CHECK(mentions(error_of("{\"observer\": \"ms\"}"), "observer: observer 'ms': must be one of min_max"));
  CHECK(mentions(error_of("{\"preset\": \"arm\"}"), "preset 'arm'"));
  CHECK(mentions(error_of("{\"weight\": {\"quant_min\": 1.5}}"), "weight.quant_min: 1.5: must be an integer"));
  CHECK(mentions(error_of("{\"weight\": {\"quant_min\": 1e300}}"), "must be an integer"));
  CHECK(mentions(error_of("{\"weight\": {\"quant_min\": -9223372036854775808}}"), "six digits"));
  CHECK(mentions(error_of("{\"weight\": {\"per_channel\": 1}}"), "weight.per_channel: 1: must be true or false"));
  CHECK(mentions(error_of("{\"weight\": {\"dtype\": \"s4\"}}"), "weight.dtype: \"s4\": must be one of \"u8\", \"s8\""));
  CHECK(mentions(error_of("{\"weight\": {\"eps\": 1e999}}"), "configuration"));
  CHECK(mentions(error_of("{\"activation\": {\"quant_max\": 300}}"), "activations: codes 0 to 300"));
  CHECK(mentions(error_of("{\"activation\": {\"eps\": -1}}"), "must be a positive number"));
  CHECK(mentions(error_of("{\"observer\": {\"bins\": 3}}"), "3 bins"));
  CHECK(mentions(error_of("{\"observer\": \"per_channel_min_max\"}"), "one scale per activation"));
  CHECK(mentions(error_of("{\"rules\": {}}"), "rules: must be a list"));
  CHECK(mentions(error_of("{\"rules\": [{}, {\"nam\": 1}]}"), "rules[1]: key \"nam\""));
  CHECK(
      mentions(error_of("{\"rules\": [{\"activation\": {\"dtype\": \"s8\"}}]}"), "rule 1: activations: code type s8"));
  CHECK(mentions(error_of("{\"observer\": \"mse\", \"observer\": \"mse\"}"), "'observer' stands twice"));
}

TEST_CASE("hostile JSON is an error, never a crash or a page of text") {
  CHECK(mentions(error_of(std::string(100000, '[')), "nested more than 16 deep"));
  std::string deep = "{\"observer\":";
  for (int i = 0; i < 50000; ++i) deep += "{\"a\":";
  CHECK(mentions(error_of(deep), "deep"));
  error_of("{\"" + std::string(100000, 'x') + "\": 1}");
  error_of("{\"weight\": {\"dtype\": \"" + std::string(100000, 'x') + "\"}}");
  error_of("{\"observer\": \"\xff\xfe\"}");
  error_of(std::string("{\"a\0b\": 1}", 10));
  const std::string good = QConfig::preset("fbgemm").value().to_json();
  std::mt19937 random(3);
  for (int i = 0; i < 2000; ++i) {  // one byte wrong: refused or understood, never anything else
    std::string bad = good;
    bad[random() % bad.size()] = static_cast<char>(random());
    (void)QConfig::from_json(bad);
    (void)QConfig::from_json(std::string_view(good).substr(0, random() % good.size()));
  }
}

TEST_CASE("rules: by type, function and name, later ones over earlier ones") {
  const graph::Graph fp32 = small_graph();
  const auto& first = test::node_called(fp32, "first/conv[0]");
  const auto& second = test::node_called(fp32, "second/conv[1]");
  const auto& sum = test::node_called(fp32, "sum");
  QConfig config;
  QConfigRule rule;
  rule.op_type = "Conv2d";
  rule.observer = ObserverSpec{ObserverKind::mse};
  rule.keep_float = true;
  config.rules.push_back(rule);
  rule = {};
  rule.name = "first/conv[?]";  // brackets are themselves
  rule.keep_float = false;
  config.rules.push_back(rule);
  rule = {};
  rule.op_type = "ADD";
  rule.activation = QuantSpec{DType::u8, Scheme::affine, 0, 127, false};
  config.rules.push_back(rule);
  CHECK(graph::check_config(config, fp32).ok());
  CHECK(graph::config_of(config, first).observer.kind == ObserverKind::mse);
  CHECK_FALSE(graph::config_of(config, first).keep_float);
  CHECK(graph::config_of(config, second).keep_float);
  CHECK_FALSE(graph::config_of(config, sum).keep_float);
  CHECK(graph::config_of(config, sum).observer == config.observer);

  const auto wanted = graph::values_to_observe(fp32, config);
  REQUIRE(wanted.size() == 4);  // x, first, second (float, read by the sum), sum; the sigmoid's range is known
  CHECK(wanted[1].observer.kind == ObserverKind::mse);
  CHECK(wanted[2].observer == config.observer);
  CHECK(wanted[2].codes.quant_max == 127);  // of the sum, which reads it
  CHECK(wanted[3].codes.quant_max == 127);

  const auto int8 = graph::convert(fp32, test::ranges_for(fp32), config).value();
  CHECK(test::node_called(int8, "second/conv[1]").reason == "kept in fp32 by the configuration");
  CHECK_FALSE(int8.output(test::node_called(int8, "second/conv[1]")).is_quantized());
  CHECK(int8.output(test::node_called(int8, "first/conv[0]")).is_quantized());
}

TEST_CASE("stars in names match any characters in any amount of time that is worth waiting for") {
  GraphBuilder builder;
  const auto x = builder.input("x", {1, 2, 4, 4});
  const std::string name(2000, 'a');
  const graph::Graph fp32 = builder.finish({builder.conv(name, x, 2, 2)});
  const auto matches = [&](const std::string& pattern) {
    QConfig config;
    QConfigRule rule;
    rule.name = pattern;
    config.rules.push_back(rule);
    return graph::check_config(config, fp32).ok();
  };
  CHECK(matches("*"));
  CHECK(matches("a*a"));
  CHECK(matches(name));
  CHECK_FALSE(matches(name + "?"));
  CHECK_FALSE(matches("a"));
  std::string stars;
  for (int i = 0; i < 500; ++i) stars += "*a";
  CHECK(matches(stars));
  CHECK_FALSE(matches(stars + "b"));
}

TEST_CASE("rules for nodes and types that do not exist are refused, by number") {
  const graph::Graph fp32 = small_graph();
  QConfig config;
  config.rules.resize(2);
  config.rules[1].name = "third/*";
  CHECK(graph::check_config(config, fp32).message().find("rule 2: no node is called 'third/*'") == 0);
  config.rules[1] = {};
  config.rules[1].op_type = "Convolution";
  CHECK(graph::check_config(config, fp32).message().find("rule 2: op type 'Convolution': must be one of Conv2d") == 0);
  config.rules[1].op_type = "Resize";  // exists, only not here
  CHECK(graph::check_config(config, fp32).ok());
}

TEST_CASE("weights: affine, reduced, per tensor for one node, and a range chosen by an observer") {
  const graph::Graph fp32 = small_graph();
  QConfig config;
  QConfigRule rule;
  rule.name = "second*";
  rule.weight = QuantSpec{DType::s8, Scheme::symmetric, -128, 127, false};
  rule.weight->reduce_range = true;
  rule.weight_observer = ObserverSpec{ObserverKind::percentile, 0.01F, 2048, 80};
  config.rules.push_back(rule);
  const auto int8 = graph::convert(fp32, test::ranges_for(fp32), config).value();
  const auto& first = int8.input(test::node_called(int8, "first/conv[0]"), 1);
  const auto& second = int8.input(test::node_called(int8, "second/conv[1]"), 1);
  CHECK(first.quant.axis == 0);
  CHECK(second.quant.per_tensor());
  const auto codes = second.as<std::int8_t>();
  CHECK(*std::ranges::max_element(codes) <= 63);
  CHECK(*std::ranges::min_element(codes) >= -64);
  // A fifth of the weights is clipped to the ends.
  CHECK(std::ranges::count_if(codes, [](int code) { return code == 63 || code <= -63; }) >= 4);
}
