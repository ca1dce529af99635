// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/octet.h>

#include <algorithm>

#include "tests/support/data.h"
#include "tools/topk.h"

namespace octet::test {

// Top-1 in percent of samples [first, last), run one by one, on one thread as other tests run beside.
inline double top1(const Model& model, std::span<const std::byte> samples, std::span<const std::int64_t> labels,
                   std::size_t first, std::size_t last, const SessionOptions& options = {.threads = 1}) {
  auto session = Session::create(model, options).value();
  const std::size_t bytes = session.input_bytes(0).size();
  std::size_t hits = 0;
  for (std::size_t i = first; i < last; ++i) {
    std::ranges::copy(samples.subspan(i * bytes, bytes), session.input_bytes(0).begin());
    session.run();
    hits += tools::rank_of(session.outputs()[0].dtype, session.output_bytes(0), labels[i]) == 0 ? 1U : 0U;
  }
  return 100.0 * static_cast<double>(hits) / static_cast<double>(last - first);
}

// Calibrated by the default preset on samples [0, count) of one float input.
inline Model quantized(const Model& fp32, std::span<const std::byte> samples, std::size_t count,
                       const QConfig& config = {}) {
  auto calibrator = Calibrator::create(fp32, config).value();
  const TensorInfo info = fp32.inputs()[0];
  Shape shape = info.shape;
  shape[0] = 1;
  const auto elements = static_cast<std::size_t>(shape.count());
  for (std::size_t i = 0; i < count; ++i) {
    const auto bytes = samples.subspan(i * elements * 4, elements * 4);
    const NamedTensor tensor{info.name, shape, {reinterpret_cast<const float*>(bytes.data()), elements}};
    calibrator.observe({&tensor, 1}).value();
  }
  return calibrator.convert().value();
}

}  // namespace octet::test
