// SPDX-License-Identifier: Apache-2.0
// One HTML file that answers: is int8 worth it here, what does each operator cost and lose, and why?
#include <fmt/format.h>
#include <octet/compare.h>
#include <octet/quantize.h>

#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/bench_layers.h"
#include "tools/bench_variant.h"
#include "tools/calibration.h"
#include "tools/command.h"
#include "tools/evaluation.h"
#include "tools/float_batch.h"
#include "tools/report/document.h"
#include "tools/samples.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model, labels, output;
  std::vector<std::string> calibrate;
  int iterations = 50;
  SessionFlags session;
};

Result<LayerTable> time_network(const Model& fp32, const Model& int8, const SessionOptions& options, int rounds,
                                ReportFacts& facts) {
  Result<Session> ours = Session::create(int8, options);
  if (!ours.ok()) return ours.status();
  Result<Session> theirs = Session::create(fp32, options);
  if (!theirs.ok()) return theirs.status();
  facts.int8_weight_bytes = ours->weight_bytes();
  facts.int8_arena_bytes = ours->arena_bytes();
  facts.fp32_weight_bytes = theirs->weight_bytes();
  facts.fp32_arena_bytes = theirs->arena_bytes();
  for (Session* session : {&*ours, &*theirs}) {
    fill_inputs(*session);
    session->run();
  }
  return time_layers({&*ours, nullptr, &*theirs}, rounds);
}

Status compare(const Model& fp32, const Model& int8, const SessionOptions& options, const Samples& samples,
               ReportFacts& facts) {
  constexpr std::int64_t kEnough = 32;  // samples: SQNR settles long before
  Result<Comparison> comparison = Comparison::create(fp32, int8, options);
  if (!comparison.ok()) return comparison.status();
  for (std::int64_t b = 0; b < samples.batches() && b * samples.batch() < kEnough; ++b) {
    if (Status status = comparison->add(float_batch(samples, b).tensors); !status.ok()) return status;
  }
  facts.comparison = comparison->ops();
  return {};
}

Status measure_accuracy(const Model& fp32, const Model& int8, const SessionOptions& options, const Samples& samples,
                        const std::string& labels_file, ReportFacts& facts) {
  Result<std::vector<std::int64_t>> labels = read_labels(labels_file, samples.count());
  if (!labels.ok()) return labels.status();
  for (auto [model, accuracy] : {std::pair{&fp32, &facts.fp32_accuracy}, std::pair{&int8, &facts.int8_accuracy}}) {
    Result<Accuracy> measured = evaluate(*model, options, samples, *labels);
    if (!measured.ok()) return measured.status();
    *accuracy = *measured;
  }
  return {};
}

Status report(const Flags& flags) {
  Result<Model> fp32 = Model::load(flags.model);
  if (!fp32.ok()) return fp32.status();
  Result<std::vector<NamedArray>> inputs = read_inputs(flags.calibrate, *fp32);
  if (!inputs.ok()) return inputs.status();
  Result<Samples> samples = Samples::create(std::move(*inputs), *fp32);
  if (!samples.ok()) return samples.status();
  QConfig config;  // the default, with an observer that chooses the same ranges and counts on the way
  config.observer.kind = ObserverKind::percentile;
  config.observer.percentile = 100;
  Result<Calibrator> calibrator = Calibrator::create(*fp32, config);
  if (!calibrator.ok()) return calibrator.status();
  if (Status status = observe_samples(*calibrator, *samples); !status.ok()) return status;
  Result<Model> int8 = calibrator->convert();
  if (!int8.ok()) return int8.status();
  if (Status status = flags.session.check(*int8); !status.ok()) return status;

  ReportFacts facts;
  facts.model = flags.model;
  facts.samples = samples->count();
  facts.activations = calibrator->provenance();
  SessionOptions options = flags.session.options();
  if (options.threads == 0) options.threads = 1;
  if (Status status = compare(*fp32, *int8, options, *samples, facts); !status.ok()) return status;
  if (!flags.labels.empty()) {
    Status status = measure_accuracy(*fp32, *int8, options, *samples, flags.labels, facts);
    if (!status.ok()) return status;
  }
  Result<LayerTable> table = time_network(*fp32, *int8, options, flags.iterations, facts);
  if (!table.ok()) return table.status();
  facts.layers = std::move(*table);

  std::ofstream file(flags.output);
  file << report_html(report_document(facts));
  file.close();
  if (!file) return Status::error(fmt::format("cannot write '{}'", flags.output));
  fmt::print("{}: fp32 {:.3f} ms, int8 {:.3f} ms on {}; written to {}\n", flags.model, facts.layers.fp32_whole_us / 1e3,
             facts.layers.whole_us / 1e3, facts.layers.backend, flags.output);
  return {};
}

}  // namespace

void add_report(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("report", "quantize, measure and compare a model; one HTML file shows it all");
  command->add_option("model", flags->model, "fp32 ONNX file")->required();
  command->add_option("--calibrate", flags->calibrate, "[NAME=]FILE.npy per input; the first axis counts samples")
      ->required();
  command->add_option("--labels", flags->labels, ".npy file with one class number per calibration sample");
  command->add_option("-o,--output", flags->output, "HTML file to write")->required();
  command->add_option("--iterations", flags->iterations, "timed runs")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  flags->session.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return report(*flags); }; });
}

}  // namespace octet::tools
