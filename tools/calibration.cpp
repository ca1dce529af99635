// SPDX-License-Identifier: Apache-2.0
#include "tools/calibration.h"

#include <fmt/format.h>

#include <random>

#include "tools/command.h"
#include "tools/float_batch.h"
#include "tools/samples.h"

namespace octet::tools {

Status observe_samples(Calibrator& calibrator, const Samples& samples) {
  Progress progress("calibrating", samples.batches());
  for (std::int64_t b = 0; b < samples.batches(); ++b) {
    if (Status status = calibrator.observe(float_batch(samples, b).tensors); !status.ok()) {
      return Status::error(fmt::format("sample {}: {}", b * samples.batch(), status.message()));
    }
    progress.step();
  }
  return {};
}

Result<std::int64_t> observe_files(Calibrator& calibrator, const Model& model, std::span<const std::string> arguments) {
  Result<std::vector<NamedArray>> inputs = read_inputs(arguments, model);
  if (!inputs.ok()) return inputs.status();
  Result<Samples> samples = Samples::create(std::move(*inputs), model);
  if (!samples.ok()) return samples.status();
  if (Status status = observe_samples(calibrator, *samples); !status.ok()) return status;
  return samples->count();
}

Status observe_noise(Calibrator& calibrator, const Model& model) {
  constexpr int kBatches = 4;
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  const std::vector<TensorInfo> infos = model.inputs();
  for (int batch = 0; batch < kBatches; ++batch) {
    std::vector<std::vector<float>> values;
    std::vector<NamedTensor> tensors;
    values.reserve(infos.size());  // the tensors point into it
    for (const TensorInfo& info : infos) {
      Shape shape = info.shape;
      for (int axis = 0; axis < shape.rank(); ++axis) shape[axis] = std::max<std::int64_t>(shape[axis], 1);
      auto& elements = values.emplace_back(static_cast<std::size_t>(shape.count()), 0.0F);
      if (info.dtype == DType::f32) {
        for (float& value : elements) value = normal(random);
      }
      tensors.push_back({info.name, shape, elements});
    }
    if (Status status = calibrator.observe(tensors); !status.ok()) return status;
  }
  return {};
}

}  // namespace octet::tools
