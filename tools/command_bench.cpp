// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/model.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <random>

#include "tools/command.h"
#include "tools/statistics.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model;
  int iterations = 100;
  SessionFlags session;
  JsonFlag json;
};

// Reals in [0, 1) or any codes: latency must not hang on denormals or on a constant input.
void fill(Session& session) {
  std::mt19937 random(1);
  for (std::size_t i = 0; i < session.inputs().size(); ++i) {
    const auto bytes = session.input_bytes(i);
    if (session.inputs()[i].dtype == DType::f32) {
      for (float& value : session.input<float>(i)) value = static_cast<float>(random() >> 8) * 0x1p-24F;
    } else if (size_of(session.inputs()[i].dtype) == 1) {
      for (std::byte& value : bytes) value = static_cast<std::byte>(random() >> 24);
    }  // indices stay 0, which is valid for every table
  }
}

Status bench(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  Result<Session> session = Session::create(*model, flags.session.options());
  if (!session.ok()) return session.status();
  fill(*session);
  const double before = now_ms();
  session->run();
  const double first_ms = now_ms() - before;
  std::vector<double> times;
  Progress progress("running", flags.iterations);
  for (int i = 0; i < flags.iterations; ++i) {
    const double start = now_ms();
    session->run();
    times.push_back(now_ms() - start);
    progress.step();
  }
  const Latency latency = summarize(times);
  const char* precision = model->is_quantized() ? "int8" : "fp32";
  const std::string backend = engine_of(*model, *session);
  fmt::print("{}: {} on {}, {} threads: median {:.3f} ms, min {:.3f} ms, p90 {:.3f} ms over {} runs\n", flags.model,
             precision, backend, session->threads(), latency.median_ms, latency.min_ms, latency.p90_ms,
             flags.iterations);
  return flags.json.write({{"results",
                            {{{"model", flags.model},
                              {"precision", precision},
                              {"backend", backend},
                              {"threads", session->threads()},
                              {"requant", flags.session.requant},
                              {"iterations", flags.iterations},
                              {"first_ms", first_ms},
                              {"median_ms", latency.median_ms},
                              {"min_ms", latency.min_ms},
                              {"p90_ms", latency.p90_ms},
                              {"arena_bytes", session->arena_bytes()},
                              {"weight_bytes", session->weight_bytes()}}}}});
}

}  // namespace

void add_bench(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("bench", "time a model: median, minimum and 90th percentile per run");
  command->add_option("model", flags->model, "ONNX file, fp32 or quantized; symbolic sizes become 1")->required();
  command->add_option("--iterations", flags->iterations, "timed runs, after one that is not")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  flags->session.add_to(*command);
  flags->json.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return bench(*flags); }; });
}

}  // namespace octet::tools
