// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/model.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/evaluation.h"
#include "tools/samples.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model, labels;
  std::vector<std::string> inputs;
  SessionFlags session;
  JsonFlag json;
};

Status eval(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  if (Status status = flags.session.check(*model); !status.ok()) return status;
  Result<std::vector<NamedArray>> inputs = read_inputs(flags.inputs, *model);
  if (!inputs.ok()) return inputs.status();
  Result<Samples> samples = Samples::create(std::move(*inputs), *model);
  if (!samples.ok()) return samples.status();
  Result<std::vector<std::int64_t>> labels = read_labels(flags.labels, samples->count());
  if (!labels.ok()) return labels.status();
  Result<Accuracy> accuracy = evaluate(*model, flags.session.options(), *samples, *labels);
  if (!accuracy.ok()) return accuracy.status();
  fmt::print("{}: {} samples on {}, top-1 {:.2f} %, top-5 {:.2f} %\n", flags.model, samples->count(), accuracy->engine,
             accuracy->top1, accuracy->top5);
  return flags.json.write({{"samples", samples->count()},
                           {"top1", accuracy->top1},
                           {"top5", accuracy->top5},
                           {"backend", accuracy->engine},
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
