// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/quantize.h>

#include <cstring>
#include <memory>

#include "tools/command.h"
#include "tools/samples.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model, output, preset = "octet", observer = "min_max";
  std::vector<std::string> calibrate;
};

Status quantize(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  Result<QConfig> config = QConfig::preset(flags.preset);
  if (!config.ok()) return config.status();
  Result<Calibrator> calibrator = Calibrator::create(*model, *config);
  if (!calibrator.ok()) return calibrator.status();
  for (const TensorInfo& info : model->inputs()) {
    if (info.dtype != DType::f32) {
      return Status::error(fmt::format("input '{}' is {}: only models with float inputs can be calibrated", info.name,
                                       name_of(info.dtype)));
    }
  }
  Result<std::vector<NamedArray>> inputs = read_inputs(flags.calibrate, *model);
  if (!inputs.ok()) return inputs.status();
  Result<Samples> samples = Samples::create(std::move(*inputs), *model);
  if (!samples.ok()) return samples.status();

  Progress progress("calibrating", samples->batches());
  std::vector<NamedTensor> tensors;
  for (std::int64_t b = 0; b < samples->batches(); ++b) {
    tensors.clear();
    for (std::size_t i = 0; i < samples->inputs().size(); ++i) {
      const auto bytes = samples->bytes(i, b);
      tensors.push_back({samples->inputs()[i].name, samples->shape(i),
                         {reinterpret_cast<const float*>(bytes.data()), bytes.size() / sizeof(float)}});
    }
    if (Status status = calibrator->observe(tensors); !status.ok()) {
      return Status::error(fmt::format("sample {}: {}", b * samples->batch(), status.message()));
    }
    progress.step();
  }
  Result<Model> int8 = calibrator->convert();
  if (!int8.ok()) return int8.status();
  if (Status status = int8->save(flags.output); !status.ok()) return status;
  fmt::print("{}: {} -> {}: {}, calibrated on {} samples\n", flags.model, file_size_text(flags.model), flags.output,
             file_size_text(flags.output), samples->count());
  return {};
}

}  // namespace

void add_quantize(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("quantize", "calibrate an fp32 model and write it as a QDQ ONNX file");
  command->add_option("model", flags->model, "fp32 ONNX file")->required();
  command->add_option("-o,--output", flags->output, "QDQ ONNX file to write")->required();
  command->add_option("--calibrate", flags->calibrate, "[NAME=]FILE.npy per input; the first axis counts samples")
      ->required();
  command->add_option("--observer", flags->observer, "which statistic of the samples chooses the ranges")
      ->check(CLI::IsMember({"min_max"}))
      ->capture_default_str();
  command->add_option("--preset", flags->preset, "quantization scheme: octet")->capture_default_str();
  command->callback([flags, &job] { job = [flags] { return quantize(*flags); }; });
}

}  // namespace octet::tools
