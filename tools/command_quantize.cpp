// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/quantize.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/calibration.h"
#include "tools/command.h"
#include "tools/quantize_config.h"
#include "tools/tune_flags.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model, output, state;
  std::vector<std::string> calibrate, merge;
  QuantizeConfigFlags config;
  TuneFlags tune;
  JsonFlag json;
  bool dynamic = false;
};

// Goes on from the state file where there is one, and leaves it up to date.
Result<Calibrator> calibrated(const Flags& flags, const Model& model, const QConfig& config) {
  Result<Calibrator> calibrator = Calibrator::create(model, config);
  if (!calibrator.ok()) return calibrator;
  if (!flags.state.empty() && std::filesystem::exists(flags.state)) {
    if (Status status = calibrator->load_state(flags.state); !status.ok()) return status;
  }
  for (const std::string& path : flags.merge) {
    Result<Calibrator> other = Calibrator::create(model, config);
    if (!other.ok()) return other;
    if (Status status = other->load_state(path); !status.ok()) return status;
    if (Status status = calibrator->merge(*other); !status.ok()) return status;
  }
  if (!flags.calibrate.empty()) {
    const Result<std::int64_t> samples = observe_files(*calibrator, model, flags.calibrate);
    if (!samples.ok()) return samples.status();
  }
  if (!flags.state.empty()) {
    if (Status status = calibrator->save_state(flags.state); !status.ok()) return status;
  }
  return calibrator;
}

nlohmann::json report(const Calibrator& calibrator) {
  auto tensors = nlohmann::json::array();
  for (const ObservedTensor& tensor : calibrator.provenance()) {
    tensors.push_back({{"name", tensor.name},
                       {"observer", name_of(tensor.observer)},
                       {"min", tensor.seen.min},
                       {"min_sample", tensor.min_sample},
                       {"max", tensor.seen.max},
                       {"max_sample", tensor.max_sample},
                       {"chosen_min", tensor.chosen.min},
                       {"chosen_max", tensor.chosen.max},
                       {"clipped_share", tensor.clipped_share}});
  }
  return {{"samples", calibrator.samples()},
          {"config", nlohmann::json::parse(calibrator.config().to_json())},
          {"tensors", std::move(tensors)}};
}

void say_what_was_written(const Flags& flags, const std::string& how) {
  fmt::print("{}: {} -> {}: {}, {}\n", flags.model, file_size_text(flags.model), flags.output,
             file_size_text(flags.output), how);
}

Status quantize_dynamically(const Flags& flags, const Model& model) {
  if (flags.tune.automatic || flags.tune.smooth || flags.tune.bias_correction)
    return Status::error("--dynamic takes no samples: --auto, --smooth and --bias-correction measure with them");
  Result<QConfig> config = flags.config.config();
  if (!config.ok()) return config.status();
  const Result<Model> prepared = flags.tune.prepared(model, {});
  if (!prepared.ok()) return prepared.status();
  Result<Model> dynamic = quantize_dynamic(*prepared, *config);
  if (!dynamic.ok()) return dynamic.status();
  if (!dynamic->is_quantized())
    return Status::error("no convolution or matrix product with constant weights: nothing to quantize");
  if (Status status = dynamic->save(flags.output); !status.ok()) return status;
  say_what_was_written(flags, "activations quantized in each run");
  return flags.json.write({{"dynamic", true}, {"config", nlohmann::json::parse(config->to_json())}});
}

Status quantize(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  if (flags.dynamic) return quantize_dynamically(flags, *model);
  if (flags.calibrate.empty() && flags.merge.empty() && !std::filesystem::exists(flags.state)) {
    return Status::error("nothing to calibrate with: give samples with --calibrate, or a state of an earlier run");
  }
  Result<QConfig> config = flags.config.config();
  if (!config.ok()) return config.status();
  if (flags.tune.automatic) return flags.tune.run_auto(*model, *config, flags.calibrate, flags.output, flags.json);
  model = flags.tune.prepared(*model, flags.calibrate);
  if (!model.ok()) return model.status();
  Result<Calibrator> calibrator = calibrated(flags, *model, *config);
  if (!calibrator.ok()) return calibrator.status();
  // A state comes without the samples that the correction measures with, and PyTorch's presets do as PyTorch does.
  const bool corrects = flags.config.preset == "octet" && flags.state.empty() && flags.merge.empty();
  Result<Model> int8 = flags.tune.converted(*model, *calibrator, flags.calibrate, corrects);
  if (!int8.ok()) return int8.status();
  if (Status status = int8->save(flags.output); !status.ok()) return status;
  say_what_was_written(flags, fmt::format("calibrated on {} samples", calibrator->samples()));
  return flags.json.write(report(*calibrator));
}

}  // namespace

void add_quantize(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("quantize", "calibrate an fp32 model and write it as a QDQ ONNX file");
  command->add_option("model", flags->model, "fp32 ONNX file")->required();
  command->add_option("-o,--output", flags->output, "QDQ ONNX file to write")->required();
  CLI::Option* dynamic = command->add_flag("--dynamic", flags->dynamic,
                                           "no calibration: weights in int8, each activation by its range in each run");
  command->add_option("--calibrate", flags->calibrate, "[NAME=]FILE.npy per input; the first axis counts samples")
      ->excludes(dynamic);
  command->add_option("--state", flags->state, "calibration state: continued if the file exists, and written")
      ->excludes(dynamic);
  command->add_option("--merge-state", flags->merge, "states of other runs, to be added before anything is observed")
      ->excludes(dynamic);
  flags->config.add_to(*command);
  flags->tune.add_to(*command);
  flags->json.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return quantize(*flags); }; });
}

}  // namespace octet::tools
