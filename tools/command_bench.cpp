// SPDX-License-Identifier: Apache-2.0
// Is int8 worth it for this model on this machine, and where does the time go?
#include <fmt/format.h>
#include <octet/backend.h>
#include <octet/model.h>
#include <octet/quantize.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "runtime/thread_count.h"
#include "tools/bench_layers.h"
#include "tools/bench_variant.h"
#include "tools/calibration.h"
#include "tools/command.h"
#include "tools/statistics.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model;
  int iterations = 100;
  std::vector<std::string> calibrate;
  bool layers = false;
  SessionFlags session;
  JsonFlag json;
};

// What is compared: a float network, if that was given, and its quantized form.
struct Networks {
  std::optional<Model> fp32;
  Model int8;
  std::string calibrated_on;  // "100 samples", "synthetic activations"; empty for a quantized file
};

// A float model is quantized here. Without samples the ranges come from noise: good for latency,
// which does not depend on them, and for nothing else.
Result<Networks> read_networks(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  if (model->is_quantized()) {
    if (!flags.calibrate.empty()) {
      return Status::error(fmt::format("'{}' is quantized already: --calibrate needs a float model", flags.model));
    }
    return Networks{std::nullopt, std::move(*model), ""};
  }
  Result<Calibrator> calibrator = Calibrator::create(*model);
  if (!calibrator.ok()) return calibrator.status();
  std::string source = "synthetic activations (no --calibrate)";
  if (flags.calibrate.empty()) {
    if (Status status = observe_noise(*calibrator, *model); !status.ok()) return status;
  } else {
    Result<std::int64_t> samples = observe_files(*calibrator, *model, flags.calibrate);
    if (!samples.ok()) return samples.status();
    source = fmt::format("{} samples", *samples);
  }
  Result<Model> int8 = calibrator->convert();
  if (!int8.ok()) return int8.status();
  return Networks{std::move(*model), std::move(*int8), source};
}

// The backends worth a row, or the one that was asked for. scalar is the specification, not a choice: it
// runs only if it is named.
Result<std::vector<std::string>> backends_to_time(const Flags& flags) {
  if (!flags.session.backend.empty() || std::getenv("OCTET_BACKEND") != nullptr) {
    Result<std::string> named = best_backend(flags.session.backend);
    if (!named.ok()) return named.status();
    return std::vector{*named};
  }
  std::vector<std::string> names;
  for (const BackendInfo& info : backends()) {
    if (info.usable && info.name != "scalar") names.push_back(info.name);
  }
  if (names.empty()) names.emplace_back("scalar");
  return names;
}

std::vector<int> thread_counts(const Flags& flags) {
  if (flags.session.threads > 0) return {flags.session.threads};
  const int all = runtime::default_thread_count();
  return all > 1 ? std::vector<int>{1, all} : std::vector<int>{1};
}

Result<std::vector<VariantPtr>> make_variants(const Flags& flags, const std::vector<std::string>& names,
                                              const Networks& networks) {
  std::vector<VariantPtr> variants;
  SessionOptions options = flags.session.options();
  const auto add = [&](Result<VariantPtr> made) {
    if (!made.ok()) return made.status();
    variants.push_back(std::move(*made));
    return Status();
  };
  for (int threads : thread_counts(flags)) {
    options.threads = threads;
    if (networks.fp32) {
      if (Status status = add(make_variant(*networks.fp32, options)); !status.ok()) return status;
      if (std::ranges::count(names, "avx2") > 0 && names.front() != "avx2") {
        if (Status status = add(make_limited_variant(flags.model, threads, "AVX2")); !status.ok()) return status;
      }
    }
    for (const std::string& name : names) {
      options.backend = name;
      if (Status status = add(make_variant(networks.int8, options)); !status.ok()) return status;
    }
  }
  return variants;
}

// Against fp32 on as many threads, on AVX2 against fp32 held to AVX2: like with like.
const Variant* baseline_of(const Variant& variant, const std::vector<VariantPtr>& all) {
  const Variant* baseline = nullptr;
  for (const VariantPtr& other : all) {
    if (other->precision != "fp32" || other->threads != variant.threads) continue;
    if (baseline == nullptr || (variant.backend == "avx2" && other->backend.ends_with("AVX2"))) baseline = other.get();
  }
  return baseline;
}

nlohmann::json report(const Flags& flags, const std::vector<VariantPtr>& variants) {
  auto results = nlohmann::json::array();
  fmt::print("{:5} {:14} {:>7} {:>10} {:>10} {:>10} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9}\n", "", "on", "threads",
             "median ms", "min ms", "p90 ms", "speed-up", "runs/s", "weights", "arena", "create ms", "first ms");
  for (const VariantPtr& variant : variants) {
    const Latency latency = summarize(variant->times_ms);
    const Variant* fp32 = baseline_of(*variant, variants);
    const double speed_up = fp32 != nullptr ? median_ratio(fp32->turns_ms, variant->turns_ms) : 0;
    fmt::print(
        "{:5} {:14} {:>7} {:>10.3f} {:>10.3f} {:>10.3f} {:>8} {:>9.1f} {:>6.2f} MB {:>6.2f} MB {:>9.1f} {:>9.2f}\n",
        variant->precision, variant->backend, variant->threads, latency.median_ms, latency.min_ms, latency.p90_ms,
        fp32 != nullptr ? fmt::format("{:.2f}", speed_up) : "", 1e3 / latency.median_ms,
        static_cast<double>(variant->weight_bytes) / 1e6, static_cast<double>(variant->arena_bytes) / 1e6,
        variant->create_ms, variant->first_ms);
    results.push_back({{"model", flags.model},
                       {"precision", variant->precision},
                       {"backend", variant->backend},
                       {"threads", variant->threads},
                       {"requant", flags.session.requant},
                       {"iterations", flags.iterations},
                       {"create_ms", variant->create_ms},
                       {"first_ms", variant->first_ms},
                       {"median_ms", latency.median_ms},
                       {"min_ms", latency.min_ms},
                       {"p90_ms", latency.p90_ms},
                       {"weight_bytes", variant->weight_bytes},
                       {"arena_bytes", variant->arena_bytes}});
    if (fp32 != nullptr) results.back()["speed_up"] = speed_up;
  }
  return results;
}

// The table of operators: the first backend of the list, on as many threads as were asked for.
Result<LayerTable> time_operators(const Flags& flags, const std::string& backend, const Networks& networks) {
  SessionOptions options = flags.session.options();
  options.backend = backend;
  if (options.threads == 0) options.threads = 1;
  Result<Session> measured = Session::create(networks.int8, options);
  if (!measured.ok()) return measured.status();
  std::optional<Session> one_thread, fp32;
  if (networks.fp32) {
    Result<Session> made = Session::create(*networks.fp32, options);
    if (!made.ok()) return made.status();
    fp32.emplace(std::move(*made));
  }
  if (options.threads > 1) {
    options.threads = 1;
    Result<Session> made = Session::create(networks.int8, options);
    if (!made.ok()) return made.status();
    one_thread.emplace(std::move(*made));
  }
  for (Session* session : {&*measured, one_thread ? &*one_thread : nullptr, fp32 ? &*fp32 : nullptr}) {
    if (session == nullptr) continue;
    fill_inputs(*session);
    session->run();
  }
  return time_layers({&*measured, one_thread ? &*one_thread : nullptr, fp32 ? &*fp32 : nullptr}, flags.iterations);
}

Status bench(const Flags& flags) {
  const bool privileged = run_before_others();
  Result<std::vector<std::string>> names = backends_to_time(flags);
  if (!names.ok()) return names.status();
  Result<Networks> networks = read_networks(flags);
  if (!networks.ok()) return networks.status();
  if (Status status = flags.session.check(networks->int8); !status.ok()) return status;
  Result<std::vector<VariantPtr>> variants = make_variants(flags, *names, *networks);
  if (!variants.ok()) return variants.status();
  fmt::print("{} on {}", flags.model, cpu_name());
  if (!networks->calibrated_on.empty()) fmt::print(", int8 calibrated on {}", networks->calibrated_on);
  fmt::print(", {} runs of each in turn{}\n", flags.iterations, privileged ? ", before other work" : "");
  alternate(*variants, flags.iterations);
  nlohmann::json document = {{"cpu", cpu_name()}, {"results", report(flags, *variants)}};
  if (networks->fp32) document["calibrated_on"] = networks->calibrated_on;
  if (flags.layers) {
    Result<LayerTable> table = time_operators(flags, names->front(), *networks);
    if (!table.ok()) return table.status();
    print(*table);
    document["layers"] = to_json(*table);
  }
  return flags.json.write(document);
}

}  // namespace

void add_bench(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("bench", "time a model, fp32 against int8 on every backend, run by run in turn");
  command
      ->add_option("model", flags->model, "ONNX file, fp32 (quantized here too) or quantized; symbolic sizes become 1")
      ->required();
  command->add_option("--iterations", flags->iterations, "timed runs of each variant, after one that is not")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command->add_option("--calibrate", flags->calibrate, "[NAME=]FILE.npy per input; without, ranges come from noise");
  command->add_flag("--layers", flags->layers, "also a table of operators and where the time went");
  flags->session.add_to(*command);
  flags->json.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return bench(*flags); }; });
}

}  // namespace octet::tools
