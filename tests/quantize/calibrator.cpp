// SPDX-License-Identifier: Apache-2.0
#include <malloc.h>
#include <octet/octet.h>

#include <array>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <random>
#include <thread>

#include "graph/export/onnx.h"
#include "runtime/model_impl.h"
#include "tests/quantize/graphs.h"

using namespace octet;
using test::GraphBuilder;

namespace {

// x (?, 2, 2, 2) -> Conv2d -> Unary -> y, without BatchNorm or anything else to simplify.
Model small_model(graph::UnaryFn fn = graph::UnaryFn::elu) {
  GraphBuilder builder;
  const auto x = builder.input("x", {-1, 2, 2, 2});
  return runtime::make_model(builder.finish({builder.unary("y", fn, builder.conv("conv", x, 2, 3))}), nullptr);
}

Model two_inputs() {
  GraphBuilder builder;
  const auto a = builder.input("a", {1, 4}), b = builder.input("b", {1, 4});
  const auto ids = builder.input("ids", {2}, DType::s64);
  const auto sum = builder.binary("sum", graph::BinaryFn::add, a, b);
  return runtime::make_model(builder.finish({builder.node("y", graph::Op::Gather, {sum, ids}, graph::GatherAttrs{1})}),
                             nullptr);
}

Status observe(Calibrator& calibrator, const std::string& name, const Shape& shape, std::span<const float> values) {
  const NamedTensor tensor{name, shape, values};
  return calibrator.observe({&tensor, 1});
}

bool mentions(const Status& status, std::string_view text) {
  INFO(status.message());
  return !status.ok() && status.message().find(text) != std::string::npos;
}

const std::array<float, 16> kTwoSamples{0.5F, -1, 2, 0.25F, 1, 1, -3, 0.125F, 4, 0, 0, 1, -0.5F, 2, 2, 1};

std::vector<float> outputs_of(const Model& model, RequantMode mode = RequantMode::fixed) {
  SessionOptions options;
  options.backend = "scalar";
  options.requant = mode;
  options.input_shapes["x"] = {2, 2, 2, 2};
  Session session = Session::create(model, options).value();
  std::ranges::copy(kTwoSamples, session.input<float>().begin());
  session.run();
  const auto output = session.output<float>();
  return {output.begin(), output.end()};
}

}  // namespace

TEST_CASE("observing and converting gives a quantized model with the same inputs and outputs") {
  const Model fp32 = small_model();
  Calibrator calibrator = Calibrator::create(fp32).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const Model int8 = calibrator.convert().value();
  CHECK(int8.is_quantized());
  CHECK_FALSE(fp32.is_quantized());
  REQUIRE(int8.inputs().size() == 1);
  CHECK(int8.inputs()[0].name == "x");
  CHECK(int8.inputs()[0].dtype == DType::f32);
  CHECK(int8.outputs()[0].name == "y");
  const auto& converted = int8.impl().graph;
  const Quant input = converted.input(test::node_called(converted, "conv"), 0).quant;
  CHECK(input == graph::choose_qparams({-3, 4}, {}).value());
}

TEST_CASE("the int8 model computes what the float model does, up to a few steps") {
  const Model fp32 = small_model();
  Calibrator calibrator = Calibrator::create(fp32).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const Model int8 = calibrator.convert().value();
  const auto expected = outputs_of(fp32), actual = outputs_of(int8);
  REQUIRE(expected.size() == 2 * 3 * 4);
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(actual[i] - expected[i]) < 0.08F);
}

TEST_CASE("the saved file gives the same bytes as the model in memory") {
  Calibrator calibrator = Calibrator::create(small_model(graph::UnaryFn::silu)).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const Model int8 = calibrator.convert().value();
  const std::string file = graph::export_onnx(int8.impl().graph).value();
  const Model loaded = Model::parse(std::as_bytes(std::span(file))).value();
  CHECK(loaded.is_quantized());
  for (RequantMode mode : {RequantMode::fixed, RequantMode::floating, RequantMode::floating_qnnpack}) {
    CHECK(outputs_of(int8, mode) == outputs_of(loaded, mode));
  }
}

TEST_CASE("batches of any size and order give the same model as one by one") {
  const Model fp32 = small_model();
  Calibrator whole = Calibrator::create(fp32).value(), single = Calibrator::create(fp32).value();
  observe(whole, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const std::span<const float> samples = kTwoSamples;
  observe(single, "x", {1, 2, 2, 2}, samples.last(8)).value();
  observe(single, "", {1, 2, 2, 2}, samples.first(8)).value();
  observe(single, "x", {2, 2, 2, 2}, kTwoSamples).value();  // nothing new
  const auto bytes = [](const Calibrator& calibrator) {
    return graph::export_onnx(calibrator.convert().value().impl().graph).value();
  };
  CHECK(bytes(whole) == bytes(single));
}

TEST_CASE("converting without a sample is refused and says what to do") {
  Calibrator calibrator = Calibrator::create(small_model()).value();
  const Status status = calibrator.convert().status();
  CHECK(mentions(status, "'x', 'conv', 'y'"));
  CHECK(mentions(status, "call observe() with at least one sample"));
}

TEST_CASE("wrong names, shapes and counts are errors that say what is right") {
  Calibrator calibrator = Calibrator::create(small_model()).value();
  const std::span<const float> all = kTwoSamples;
  CHECK(mentions(observe(calibrator, "pixels", {2, 2, 2, 2}, all), "no input 'pixels': the model has 'x'"));
  CHECK(mentions(observe(calibrator, "x", {2, 3, 2, 2}, all), "shape [2,3,2,2]: must fit the declared [?,2,2,2]"));
  CHECK(mentions(observe(calibrator, "x", {2, 2, 2}, all), "[2,2,2]"));
  CHECK(mentions(observe(calibrator, "x", {0, 2, 2, 2}, {}), "[0,2,2,2]"));
  CHECK(mentions(observe(calibrator, "x", {-1, 2, 2, 2}, all), "[?,2,2,2]"));
  CHECK(mentions(observe(calibrator, "x", {std::int64_t{1} << 62, 2, 2, 2}, all), "must fit"));
  CHECK(mentions(observe(calibrator, "x", {2, 2, 2, 2}, all.first(15)), "15 values: shape [2,2,2,2] needs 16"));
  CHECK(mentions(calibrator.observe({}), "'x' is not given"));
  const NamedTensor x{"x", {2, 2, 2, 2}, all};
  const NamedTensor twice[] = {x, x};
  CHECK(mentions(calibrator.observe(twice), "twice"));
  CHECK(mentions(calibrator.convert().status(), "never observed"));  // none of them counted
}

TEST_CASE("NaN in a sample names input, sample and element, and leaves the observers as they were") {
  Calibrator calibrator = Calibrator::create(small_model()).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const std::string before = graph::export_onnx(calibrator.convert().value().impl().graph).value();
  auto broken = kTwoSamples;
  broken[0] = 1000;
  broken[11] = std::numeric_limits<float>::quiet_NaN();
  CHECK(mentions(observe(calibrator, "x", {2, 2, 2, 2}, broken), "input 'x': NaN in sample 3 at element 3"));
  CHECK(graph::export_onnx(calibrator.convert().value().impl().graph).value() == before);
}

TEST_CASE("NaN in an activation names it, and leaves the observers as they were") {
  GraphBuilder builder;
  const auto x = builder.input("x", {1, 4});
  const auto root = builder.unary("root", graph::UnaryFn::sqrt, x);
  const Model model = runtime::make_model(builder.finish({builder.unary("y", graph::UnaryFn::elu, root)}), nullptr);
  Calibrator calibrator = Calibrator::create(model).value();
  const std::array<float, 4> good{0, 1, 2, 3}, bad{100, 1, -1, 3};
  observe(calibrator, "x", {1, 4}, good).value();
  CHECK(mentions(observe(calibrator, "x", {1, 4}, bad), "activation 'root': NaN in sample 1 at element 2"));
  const Model int8 = calibrator.convert().value();
  const auto& converted = int8.impl().graph;
  CHECK(converted.input(test::node_called(converted, "y"), 0).quant ==
        graph::choose_qparams({0, std::sqrt(3.0F)}, {}).value());
}

TEST_CASE("several inputs, one of integers that come as floats") {
  Calibrator calibrator = Calibrator::create(two_inputs()).value();
  const std::array<float, 4> a{1, 2, 3, 4}, b{-1, -2, -3, -8};
  const std::array<float, 2> ids{3, 0}, fraction{0.5F, 0}, huge{1e30F, 0};
  const auto observe_with = [&](std::span<const float> indices) {
    const NamedTensor tensors[] = {{"ids", {2}, indices}, {"b", {1, 4}, b}, {"a", {1, 4}, a}};
    return calibrator.observe(tensors);
  };
  CHECK(mentions(observe_with(fraction), "0.5 at element 0: its type s64 has no such number"));
  CHECK(mentions(observe_with(huge), "no such number"));
  observe_with(ids).value();
  const Model int8 = calibrator.convert().value();
  CHECK(int8.inputs()[2].dtype == DType::s64);
  CHECK(int8.is_quantized());
}

TEST_CASE("a quantized model, one without int8 operators and an impossible configuration are refused") {
  Calibrator calibrator = Calibrator::create(small_model()).value();
  observe(calibrator, "x", {2, 2, 2, 2}, kTwoSamples).value();
  const Model int8 = calibrator.convert().value();
  CHECK(mentions(Calibrator::create(int8).status(), "model 'test' is quantized already"));

  GraphBuilder builder;
  const auto x = builder.input("x", {1, 4});
  const Model roots = runtime::make_model(builder.finish({builder.unary("y", graph::UnaryFn::log, x)}), nullptr);
  CHECK(mentions(Calibrator::create(roots).status(), "none of its operators"));

  QConfig config;
  config.activation.per_channel = true;
  CHECK(mentions(Calibrator::create(small_model(), config).status(), "per_channel"));
}

TEST_CASE("a calibrator can be moved") {
  Calibrator first = Calibrator::create(small_model()).value();
  observe(first, "x", {2, 2, 2, 2}, kTwoSamples).value();
  Calibrator second = std::move(first);
  CHECK(second.convert().ok());
}

namespace {

constexpr std::size_t kSampleSize = 8;  // of small_model()

std::vector<float> sample(std::int64_t number) {
  std::mt19937 random(static_cast<std::uint32_t>(number));
  std::normal_distribution<float> normal(0, 1 + static_cast<float>(number % 7));
  std::vector<float> values(kSampleSize);
  for (float& x : values) x = normal(random);
  return values;
}

void observe_sample(Calibrator& calibrator, std::int64_t number) {
  const std::vector<float> values = sample(number);
  const NamedTensor tensor{"x", {1, 2, 2, 2}, values};
  calibrator.observe({&tensor, 1}, number).value();
}

QConfig with_observer(ObserverKind kind) {
  QConfig config;
  config.observer.kind = kind;
  return config;
}

// A file of its own, gone at the end.
struct StateFile {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("octet_state_" + std::to_string(std::random_device()()));
  ~StateFile() { std::filesystem::remove(path); }
  std::string bytes() const {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void write(std::string_view content) const { std::ofstream(path, std::ios::binary) << content; }
};

std::string state_of(const Calibrator& calibrator) {
  const StateFile file;
  calibrator.save_state(file.path).value();
  return file.bytes();
}

}  // namespace

TEST_CASE("four threads merged in any of 24 orders leave one state, one provenance and one model") {
  const Model fp32 = small_model();
  for (ObserverKind kind :
       {ObserverKind::min_max, ObserverKind::percentile, ObserverKind::entropy, ObserverKind::mse}) {
    const QConfig config = with_observer(kind);
    std::vector<Calibrator> parts;
    for (int part = 0; part < 4; ++part) parts.push_back(Calibrator::create(fp32, config).value());
    std::vector<std::thread> threads;
    for (std::size_t part = 0; part < 4; ++part) {
      threads.emplace_back([&, part] {
        for (std::int64_t i = 0; i < 5; ++i) observe_sample(parts[part], static_cast<std::int64_t>(part) * 5 + i);
      });
    }
    for (std::thread& thread : threads) thread.join();
    Calibrator alone = Calibrator::create(fp32, config).value();
    for (std::int64_t i = 20; i-- > 0;) observe_sample(alone, i);
    const std::string expected = state_of(alone);
    std::array<std::size_t, 4> order{0, 1, 2, 3};
    do {
      Calibrator merged = Calibrator::create(fp32, config).value();
      for (std::size_t part : order) merged.merge(parts[part]).value();
      CHECK(state_of(merged) == expected);
      CHECK(merged.samples() == 20);
    } while (std::ranges::next_permutation(order).found);
  }
}

TEST_CASE("calibration takes the same memory for 10 samples and for 10000") {
  const Model fp32 = small_model();
  for (ObserverKind kind : {ObserverKind::min_max, ObserverKind::moving_average, ObserverKind::histogram,
                            ObserverKind::percentile, ObserverKind::entropy, ObserverKind::mse}) {
    Calibrator calibrator = Calibrator::create(fp32, with_observer(kind)).value();
    const auto in_use = [] { return static_cast<std::int64_t>(mallinfo2().uordblks); };
    for (std::int64_t i = 0; i < 10; ++i) observe_sample(calibrator, i);
    const std::int64_t after_ten = in_use();
    const std::size_t state_after_ten = state_of(calibrator).size();
    for (std::int64_t i = 10; i < 10000; ++i) observe_sample(calibrator, i);
    INFO(name_of(kind));
    // Bins are at most 4096 counts of 8 bytes, of which a range of few values may not need all at once.
    constexpr std::int64_t kMostBins = 4096 * 8 * 4;
    CHECK(in_use() - after_ten <= kMostBins);
    CHECK(state_of(calibrator).size() <= state_after_ten + kMostBins / 4);
    CHECK(calibrator.convert().ok());
  }
}

TEST_CASE("provenance names the samples of the extremes, the chosen range and the share it clips") {
  Calibrator calibrator = Calibrator::create(small_model(), with_observer(ObserverKind::percentile)).value();
  for (const ObservedTensor& tensor : calibrator.provenance()) {
    CHECK(tensor.seen.empty());
    CHECK(tensor.min_sample == -1);
  }
  Range seen;
  std::int64_t low = -1, high = -1;
  for (std::int64_t i = 100; i < 140; i += 2) {  // two at a time, numbered by the caller
    std::vector<float> values = sample(i);
    const std::vector<float> next = sample(i + 1);
    values.insert(values.end(), next.begin(), next.end());
    const NamedTensor tensor{"x", {2, 2, 2, 2}, values};
    calibrator.observe({&tensor, 1}, i).value();
    for (std::size_t k = 0; k < values.size(); ++k) {
      const std::int64_t number = i + static_cast<std::int64_t>(k / kSampleSize);
      if (values[k] < seen.min) low = number;
      if (values[k] > seen.max) high = number;
      seen.include({values[k], values[k]});
    }
  }
  const auto tensors = calibrator.provenance();
  REQUIRE(tensors.size() == 3);
  CHECK(tensors[0].name == "x");
  CHECK(tensors[1].name == "conv");
  CHECK(tensors[0].observer == ObserverKind::percentile);
  CHECK(tensors[0].seen == seen);
  CHECK(tensors[0].min_sample == low);
  CHECK(tensors[0].max_sample == high);
  CHECK(tensors[0].chosen.min >= seen.min);
  CHECK(tensors[0].chosen.max <= seen.max);
  CHECK(tensors[0].clipped_share >= 0);
  CHECK(tensors[0].clipped_share <= 0.001);
  // What was chosen is what the model uses.
  const Model int8 = calibrator.convert().value();
  const auto& converted = int8.impl().graph;
  CHECK(converted.input(test::node_called(converted, "conv"), 0).quant ==
        choose_qparams(tensors[0].chosen, {}).value());
}

TEST_CASE(
    "a state file goes on where it stopped; another model's, another configuration's or a damaged one is refused") {
  for (ObserverKind kind : {ObserverKind::min_max, ObserverKind::moving_average, ObserverKind::histogram,
                            ObserverKind::percentile, ObserverKind::entropy, ObserverKind::mse}) {
    INFO(name_of(kind));
    const QConfig config = with_observer(kind);
    const Model fp32 = small_model();
    const StateFile file;
    Calibrator whole = Calibrator::create(fp32, config).value(), first = Calibrator::create(fp32, config).value();
    for (std::int64_t i = 0; i < 12; ++i) observe_sample(whole, i);
    for (std::int64_t i = 0; i < 5; ++i) observe_sample(first, i);
    first.save_state(file.path).value();
    Calibrator second = Calibrator::create(fp32, config).value();
    second.load_state(file.path).value();
    CHECK(second.samples() == 5);
    for (std::int64_t i = 5; i < 12; ++i) observe_sample(second, i);
    CHECK(state_of(second) == state_of(whole));

    const QConfig other = with_observer(kind == ObserverKind::mse ? ObserverKind::entropy : ObserverKind::mse);
    CHECK(mentions(Calibrator::create(fp32, other).value().load_state(file.path), "another model or configuration"));
    const std::string good = file.bytes();
    const std::string before = state_of(second);
    for (std::size_t size = 0; size < good.size(); size += 1 + good.size() / 31) {
      file.write(std::string_view(good).substr(0, size));
      CHECK(mentions(second.load_state(file.path), "damaged"));
    }
    std::string flipped = good;
    flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 1);
    file.write(flipped);
    CHECK(mentions(second.load_state(file.path), "damaged"));
    CHECK(state_of(second) == before);
  }
  Calibrator calibrator = Calibrator::create(small_model()).value();
  CHECK(mentions(calibrator.load_state("no/such/file"), "cannot be read"));
  CHECK(mentions(calibrator.save_state("no/such/folder/file"), "cannot be written"));
}

TEST_CASE("calibrators of other models, configurations and of ordered observers do not merge") {
  Calibrator calibrator = Calibrator::create(small_model()).value();
  Calibrator other = Calibrator::create(small_model(), with_observer(ObserverKind::mse)).value();
  CHECK(mentions(calibrator.merge(other), "different models or configurations"));
  Calibrator ordered = Calibrator::create(small_model(), with_observer(ObserverKind::histogram)).value();
  CHECK(mentions(ordered.merge(Calibrator::create(small_model(), with_observer(ObserverKind::histogram)).value()),
                 "order of batches"));
}
