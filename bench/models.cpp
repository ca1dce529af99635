// SPDX-License-Identifier: Apache-2.0
// Whole networks, one thread, in fp32 and in int8 on every backend; and what comes before their first run: reading
// ONNX, opening a compiled model, preparing a session.
#include <octet/octet.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "bench/benchmarks.h"
#include "tests/support/mobilenet_v2.h"

namespace octet::bench {
namespace {

std::string file_content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// ONNX files. The one of MobileNetV2's shape is generated: pseudo-random weights.
const std::map<std::string, std::string>& files() {
  static const std::string examples = OCTET_SOURCE_DIR "/examples/digits/";
  static const std::map<std::string, std::string> all{
      {"digits_fp32", file_content(examples + "digits_fp32.onnx")},
      {"digits_int8", file_content(examples + "digits_qat.onnx")},
      {"mobilenet_v2_fp32", tests::MobileNetV2(tests::MobileNetV2::Precision::fp32).build()},
      {"mobilenet_v2_int8", tests::MobileNetV2().build()},
  };
  return all;
}

Model parse(const std::string& name) { return Model::parse(std::as_bytes(std::span(files().at(name)))).value(); }

SessionOptions on(const std::string& backend) {
  SessionOptions options;
  options.backend = backend;
  options.threads = 1;
  return options;
}

void run(benchmark::State& state, const std::string& name, const std::string& backend) {
  const Model model = parse(name);
  Session session = Session::create(model, on(backend)).value();
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    float value = 0;
    for (float& x : session.input<float>(i)) x = value = value < 1 ? value + 0.0625F : 0;
  }
  double macs = 0;
  for (const OpInfo& op : session.ops()) macs += op.macs;
  for (auto _ : state) session.run();
  count_rate(state, "GMAC/s", macs * 1e-9);
}

void load_onnx(benchmark::State& state, const std::string& name) {
  for (auto _ : state) benchmark::DoNotOptimize(parse(name));
  count_rate(state, "bytes/s", static_cast<double>(files().at(name).size()));
}

void open_compiled(benchmark::State& state, const std::string& name) {
  const auto path = std::filesystem::temp_directory_path() / ("octet_bench_" + name + ".octet");
  if (!parse(name).compile(path).ok()) return state.SkipWithError("cannot be written");
  for (auto _ : state) benchmark::DoNotOptimize(Model::open(path).value());
  count_rate(state, "bytes/s", static_cast<double>(std::filesystem::file_size(path)));
  std::filesystem::remove(path);
}

void create(benchmark::State& state, const std::string& name, const std::string& backend) {
  // Weights that a model has packed once may be kept: a new model each time, made while the clock stands still.
  for (auto _ : state) {
    state.PauseTiming();
    const Model model = parse(name);
    state.ResumeTiming();
    benchmark::DoNotOptimize(Session::create(model, on(backend)).value());
  }
}

}  // namespace

void register_models() {
  std::vector<std::string> usable;
  for (const BackendInfo& info : backends()) {
    if (info.usable) usable.push_back(info.name);
  }
  const auto add = [](const std::string& name, auto function, auto... arguments) {
    benchmark::RegisterBenchmark(name.c_str(), function, arguments...)->Unit(benchmark::kMicrosecond);
  };
  for (const std::string network : {"digits", "mobilenet_v2"}) {
    const std::string fp32 = network + "_fp32", int8 = network + "_int8";
    add("fp32/model/" + network, run, fp32, usable.front());
    for (const std::string& backend : usable) add(backend + "/model/" + network, run, int8, backend);
    for (const std::string& name : {fp32, int8}) {
      add("load/onnx/" + name, load_onnx, name);
      add("load/octet/" + name, open_compiled, name);
      add("load/create/" + name, create, name, usable.front());
    }
  }
}

}  // namespace octet::bench
