// SPDX-License-Identifier: Apache-2.0
// Samples in memory, as tools that ask for them more than once want them.
#pragma once

#include <octet/tune.h>

#include <vector>

namespace octet::test {

// Batches of one sample each for a model with one input; `samples` must outlive them.
inline Batches batches_of(const Model& model, const std::vector<float>& samples) {
  Shape shape = model.inputs()[0].shape;
  shape[0] = 1;
  const auto size = static_cast<std::size_t>(shape.count());
  return {static_cast<std::int64_t>(samples.size() / size), [&samples, shape, size](std::int64_t b) {
            const std::span<const float> all(samples);
            return std::vector<NamedTensor>{{"", shape, all.subspan(static_cast<std::size_t>(b) * size, size)}};
          }};
}

inline Calibrator calibrated(const Model& model, const Batches& batches, const QConfig& config = {}) {
  Calibrator calibrator = Calibrator::create(model, config).value();
  for (std::int64_t b = 0; b < batches.count; ++b) calibrator.observe(batches.get(b)).value();
  return calibrator;
}

}  // namespace octet::test
