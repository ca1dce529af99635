// SPDX-License-Identifier: Apache-2.0
#include "tools/tune_flags.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "tools/evaluation.h"
#include "tools/float_batch.h"
#include "tools/samples.h"

namespace octet::tools {
namespace {

// Samples of files, as often as somebody wants them.
class FileBatches {
 public:
  static Result<FileBatches> create(const std::vector<std::string>& files, const Model& model) {
    if (files.empty()) return Status::error("this needs the samples themselves, not only a state: give --calibrate");
    Result<std::vector<NamedArray>> inputs = read_inputs(files, model);
    if (!inputs.ok()) return inputs.status();
    Result<Samples> samples = Samples::create(std::move(*inputs), model);
    if (!samples.ok()) return samples.status();
    return FileBatches(std::move(*samples));
  }
  // Refers to this object.
  Batches batches() {
    return {samples_.batches(), [this](std::int64_t b) {
              batch_ = float_batch(samples_, b);
              return batch_.tensors;
            }};
  }

 private:
  explicit FileBatches(Samples samples) : samples_(std::move(samples)) {}
  Samples samples_;
  FloatBatch batch_;
};

nlohmann::json json_of(const TuneStep& step) {
  return {{"what", step.what}, {"score", step.score}, {"int8_share", step.int8_share}};
}

nlohmann::json json_of(const TuneReport& report) {
  auto steps = nlohmann::json::array();
  for (const TuneStep& step : report.steps) steps.push_back(json_of(step));
  return {{"fp32_score", report.fp32_score}, {"best", json_of(report.best)},
          {"reached", report.reached},       {"equalized", report.equalized},
          {"kept_float", report.kept_float}, {"config", nlohmann::json::parse(report.config.to_json())},
          {"steps", std::move(steps)}};
}

void print(const TuneReport& report) {
  fmt::print("{:6.2f} %  fp32\n", report.fp32_score);
  for (const TuneStep& step : report.steps) {
    fmt::print("{:6.2f} %  {} ({:.1f} % of the multiply-accumulates in int8)\n", step.score, step.what,
               100 * step.int8_share);
  }
}

Result<Model> converted_fastest(const Calibrator& calibrator, const Batches& batches, bool corrects) {
  FastestOptions options;
  options.bias_correction = corrects;
  options.machine = cpu_name();
  Result<FastestReport> report = convert_fastest(calibrator, batches, options);
  if (!report.ok()) return report.status();
  fmt::print("all in int8 {:.3f} ms, all in fp32 {:.3f} ms, chosen {:.3f} ms: {} operators faster in fp32\n",
             report->int8_ms, report->fp32_ms, report->chosen_ms, report->kept_float.size());
  return std::move(report->model);
}

}  // namespace

void TuneFlags::add_to(CLI::App& command) {
  command.add_flag("--equalize", equalize, "level the weights of neighbouring layers first: for one scale per weight");
  command.add_option("--smooth", smooth, "move outliers of activations into weights first, 0 (none) to 1 (all): 0.5")
      ->check(CLI::Range(0.0, 1.0));
  command.add_flag_function(
      "--bias-correction,!--no-bias-correction", [this](std::int64_t count) { bias_correction = count > 0; },
      "take back the mean error of every channel; on by default, except with PyTorch's presets and with states");
  CLI::Option* plan_option =
      command
          .add_option("--plan", plan,
                      "fastest: operators stay in fp32 where that is faster on this machine, measured here and now")
          ->check(CLI::IsMember({"int8", "fastest"}))
          ->capture_default_str();
  CLI::Option* automatic_option =
      command.add_flag("--auto", automatic, "look for the configuration with the least fp32 that keeps the accuracy");
  CLI::Option* eval_option =
      command.add_option("--eval", eval, "--auto: [NAME=]FILE.npy per input, other samples than those of --calibrate");
  CLI::Option* labels_option = command.add_option("--labels", labels, "--auto: .npy file with a class number for each");
  command.add_option("--max-drop", max_drop, "--auto: points of top-1 that may be lost")
      ->needs(automatic_option)
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  automatic_option->needs(eval_option)->needs(labels_option)->excludes(plan_option);
  eval_option->needs(automatic_option);
  labels_option->needs(automatic_option);
}

Result<Model> TuneFlags::prepared(const Model& fp32, const std::vector<std::string>& calibrate) const {
  if (!equalize && !smooth) return fp32;
  Result<FileBatches> files = FileBatches::create(calibrate, fp32);
  if (!files.ok()) return files.status();
  Result<Model> model = fp32;
  if (equalize) model = octet::equalize(*model, files->batches());
  if (smooth && model.ok()) model = octet::smooth(*model, files->batches(), *smooth);
  return model;
}

Result<Model> TuneFlags::converted(const Model& prepared_model, const Calibrator& calibrator,
                                   const std::vector<std::string>& calibrate, bool by_default) const {
  const bool corrects = bias_correction.value_or(by_default), fastest = plan == "fastest";
  if (!corrects) return fastest ? converted_fastest(calibrator, {}, false) : calibrator.convert();
  Result<FileBatches> files = FileBatches::create(calibrate, prepared_model);
  if (!files.ok()) return files.status();
  if (fastest) return converted_fastest(calibrator, files->batches(), true);
  return convert_corrected(calibrator, files->batches());
}

Status TuneFlags::run_auto(const Model& fp32, const QConfig& config, const std::vector<std::string>& calibrate,
                           const std::string& output, const JsonFlag& json) const {
  Result<FileBatches> files = FileBatches::create(calibrate, fp32);
  if (!files.ok()) return files.status();
  Result<std::vector<NamedArray>> inputs = read_inputs(eval, fp32);
  if (!inputs.ok()) return inputs.status();
  const Result<Samples> samples = Samples::create(std::move(*inputs), fp32);
  if (!samples.ok()) return samples.status();
  const Result<std::vector<std::int64_t>> classes = read_labels(labels, samples->count());
  if (!classes.ok()) return classes.status();
  const Score score = [&](const Model& model) -> Result<double> {
    const Result<Accuracy> accuracy = evaluate(model, {}, *samples, *classes);
    if (!accuracy.ok()) return accuracy.status();
    return accuracy->top1;
  };
  TuneOptions options;
  options.max_drop = max_drop;
  options.config = config;
  const Result<TuneReport> report = tune(fp32, files->batches(), score, options);
  if (!report.ok()) return report.status();
  print(*report);
  if (Status status = report->model.save(output); !status.ok()) return status;
  if (Status status = json.write(json_of(*report)); !status.ok()) return status;
  if (!report->reached) {
    return Status::error(fmt::format(
        "nothing tried keeps top-1 within {} points of {:.2f} % with {:.0f} % of the multiply-accumulates in int8: "
        "the best is {} with {:.2f} %, written to {}",
        max_drop, report->fp32_score, 100 * options.least_int8, report->best.what, report->best.score, output));
  }
  fmt::print("{}: {}, {}\n", output, report->best.what, file_size_text(output));
  return {};
}

}  // namespace octet::tools
