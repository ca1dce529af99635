// SPDX-License-Identifier: Apache-2.0
#include "tools/evaluation.h"

#include <fmt/format.h>

#include <algorithm>

#include "tools/command.h"
#include "tools/topk.h"

namespace octet::tools {

Result<std::vector<std::int64_t>> read_labels(const std::string& path, std::int64_t samples) {
  Result<Array> array = read_npy(path);
  if (!array.ok()) return array.status();
  std::vector<std::int64_t> labels;
  if (array->dtype == DType::s64) {
    labels.assign(array->as<std::int64_t>().begin(), array->as<std::int64_t>().end());
  } else if (array->dtype == DType::s32) {
    labels.assign(array->as<std::int32_t>().begin(), array->as<std::int32_t>().end());
  } else if (array->dtype == DType::u8) {
    labels.assign(array->as<std::uint8_t>().begin(), array->as<std::uint8_t>().end());
  } else {
    return Status::error(
        fmt::format("labels '{}' hold {}: must be int64, int32 or uint8 class numbers", path, name_of(array->dtype)));
  }
  if (static_cast<std::int64_t>(labels.size()) != samples) {
    return Status::error(fmt::format("labels '{}' hold {} entries for {} samples", path, labels.size(), samples));
  }
  return labels;
}

Result<Accuracy> evaluate(const Model& model, SessionOptions options, const Samples& samples,
                          std::span<const std::int64_t> labels) {
  options.input_shapes = samples.shapes();
  Result<Session> session = Session::create(model, options);
  if (!session.ok()) return session.status();
  const TensorInfo& scores = session->outputs()[0];
  const auto row_bytes = session->output_bytes(0).size() / static_cast<std::size_t>(samples.batch());
  if (scores.shape.rank() == 0 || scores.shape[0] != samples.batch()) {
    return Status::error(fmt::format("output '{}' has shape {}: its first axis must be the batch, {}", scores.name,
                                     to_string(scores.shape), samples.batch()));
  }

  std::int64_t top1 = 0, top5 = 0;
  Progress progress("evaluating", samples.batches());
  for (std::int64_t b = 0; b < samples.batches(); ++b) {
    for (std::size_t i = 0; i < samples.inputs().size(); ++i) {
      std::ranges::copy(samples.bytes(i, b), session->input_bytes(i).begin());
    }
    session->run();
    for (std::int64_t i = 0; i < samples.batch(); ++i) {
      const auto row = session->output_bytes(0).subspan(static_cast<std::size_t>(i) * row_bytes, row_bytes);
      const auto label = labels[static_cast<std::size_t>(b * samples.batch() + i)];
      const std::int64_t rank = rank_of(scores.dtype, row, label);
      top1 += rank < 1 ? 1 : 0;
      top5 += rank < 5 ? 1 : 0;
    }
    progress.step();
  }
  const auto percent = [&](std::int64_t hits) {
    return 100.0 * static_cast<double>(hits) / static_cast<double>(samples.count());
  };
  return Accuracy{percent(top1), percent(top5), engine_of(model, *session)};
}

}  // namespace octet::tools
