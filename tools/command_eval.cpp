// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/model.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/samples.h"
#include "tools/topk.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model, labels;
  std::vector<std::string> inputs;
  SessionFlags session;
  JsonFlag json;
};

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
    return Status::error(fmt::format("labels '{}' hold {}: must be int64, int32 or uint8 class numbers", path,
                                     name_of(array->dtype)));
  }
  if (static_cast<std::int64_t>(labels.size()) != samples) {
    return Status::error(fmt::format("labels '{}' hold {} entries for {} samples", path, labels.size(), samples));
  }
  return labels;
}

Status eval(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  Result<std::vector<NamedArray>> inputs = read_inputs(flags.inputs, *model);
  if (!inputs.ok()) return inputs.status();
  Result<Samples> samples = Samples::create(std::move(*inputs), *model);
  if (!samples.ok()) return samples.status();
  Result<std::vector<std::int64_t>> labels = read_labels(flags.labels, samples->count());
  if (!labels.ok()) return labels.status();
  SessionOptions options = flags.session.options();
  options.input_shapes = samples->shapes();
  Result<Session> session = Session::create(*model, options);
  if (!session.ok()) return session.status();
  const TensorInfo& scores = session->outputs()[0];
  const auto row_bytes = session->output_bytes(0).size() / static_cast<std::size_t>(samples->batch());
  if (scores.shape.rank() == 0 || scores.shape[0] != samples->batch()) {
    return Status::error(fmt::format("output '{}' has shape {}: its first axis must be the batch, {}", scores.name,
                                     to_string(scores.shape), samples->batch()));
  }

  std::int64_t top1 = 0, top5 = 0;
  Progress progress("evaluating", samples->batches());
  for (std::int64_t b = 0; b < samples->batches(); ++b) {
    for (std::size_t i = 0; i < samples->inputs().size(); ++i) {
      std::ranges::copy(samples->bytes(i, b), session->input_bytes(i).begin());
    }
    session->run();
    for (std::int64_t i = 0; i < samples->batch(); ++i) {
      const auto row = session->output_bytes(0).subspan(static_cast<std::size_t>(i) * row_bytes, row_bytes);
      const auto label = (*labels)[static_cast<std::size_t>(b * samples->batch() + i)];
      const std::int64_t rank = rank_of(scores.dtype, row, label);
      top1 += rank < 1 ? 1 : 0;
      top5 += rank < 5 ? 1 : 0;
    }
    progress.step();
  }
  const auto percent = [&](std::int64_t hits) {
    return 100.0 * static_cast<double>(hits) / static_cast<double>(samples->count());
  };
  fmt::print("{}: {} samples on {}, top-1 {:.2f} %, top-5 {:.2f} %\n", flags.model, samples->count(),
             engine_of(*model, *session), percent(top1), percent(top5));
  return flags.json.write({{"samples", samples->count()},
                           {"top1", percent(top1)},
                           {"top5", percent(top5)},
                           {"backend", engine_of(*model, *session)},
                           {"requant", flags.session.requant}});
}

}  // namespace

void add_eval(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("eval", "run every sample and print top-1 and top-5 accuracy");
  command->add_option("model", flags->model, "ONNX file, fp32 or quantized")->required();
  command->add_option("--input", flags->inputs, "[NAME=]FILE.npy per input; the first axis counts samples")->required();
  command->add_option("--labels", flags->labels, ".npy file with one class number per sample")->required();
  flags->session.add_to(*command);
  flags->json.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return eval(*flags); }; });
}

}  // namespace octet::tools
