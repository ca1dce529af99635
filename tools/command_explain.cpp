// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/explain.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/float_batch.h"
#include "tools/samples.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model, at, fp32;
  std::vector<std::string> inputs;
  std::int64_t sample = 0;
  SessionFlags session;
  JsonFlag json;
};

nlohmann::json json_of(const Explanation& e) {
  nlohmann::json json = {{"node", e.node},
                         {"op", e.op},
                         {"output", e.output},
                         {"index", e.index},
                         {"padding_taps", e.padding_taps},
                         {"real", e.real},
                         {"exact", e.exact},
                         {"notes", e.notes},
                         {"operands", nlohmann::json::array()},
                         {"taps", nlohmann::json::array()},
                         {"steps", nlohmann::json::array()},
                         {"alternatives", nlohmann::json::array()}};
  if (e.is_code) json["code"] = e.code;
  if (e.fp32) json["fp32"] = *e.fp32;
  for (const Explanation::Operand& operand : e.operands) {
    json["operands"].push_back({{"role", operand.role},
                                {"name", operand.name},
                                {"dtype", name_of(operand.dtype)},
                                {"scale", operand.scale},
                                {"zero_point", operand.zero_point}});
  }
  for (const Explanation::Tap& tap : e.taps) {
    nlohmann::json one = {{"input_at", tap.input_at}, {"input", tap.input}};
    if (!tap.weight_at.empty()) {
      one["weight_at"] = tap.weight_at;
      one["weight"] = tap.weight;
      one["product"] = tap.product;
    }
    if (tap.float_weight) one["float_weight"] = *tap.float_weight;
    json["taps"].push_back(one);
  }
  for (const Explanation::Step& step : e.steps) {
    json["steps"].push_back({{"name", step.name}, {"formula", step.formula}, {"value", step.value}});
  }
  for (const Explanation::Alternative& other : e.alternatives) {
    json["alternatives"].push_back({{"rule", other.rule},
                                    {"who", other.who},
                                    {"code", other.code},
                                    {"real", other.real},
                                    {"reason", other.reason}});
  }
  return json;
}

Status explain_value(const Flags& flags) {
  const Result<ExplainQuery> query = ExplainQuery::parse(flags.at);
  if (!query.ok()) return query.status();
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  if (Status status = flags.session.check(*model); !status.ok()) return status;
  std::optional<Model> fp32;
  if (!flags.fp32.empty()) {
    Result<Model> loaded = Model::load(flags.fp32);
    if (!loaded.ok()) return loaded.status();
    fp32 = std::move(*loaded);
  }
  Result<std::vector<NamedArray>> inputs = read_inputs(flags.inputs, *model);
  if (!inputs.ok()) return inputs.status();
  Result<Samples> samples = Samples::create(std::move(*inputs), *model);
  if (!samples.ok()) return samples.status();
  if (flags.sample >= samples->batches()) {
    return Status::error(fmt::format("batch {}: the input holds {}", flags.sample, samples->batches()));
  }
  const FloatBatch batch = float_batch(*samples, flags.sample);
  const Result<Explanation> explanation =
      explain(*model, batch.tensors, *query, {flags.session.options(), fp32 ? &*fp32 : nullptr});
  if (!explanation.ok()) return explanation.status();
  fmt::print("{}", to_text(*explanation));
  nlohmann::json json = json_of(*explanation);
  json["requant"] = flags.session.requant;
  return flags.json.write(json);
}

}  // namespace

void add_explain(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("explain", "the whole integer arithmetic of one output value");
  command->add_option("model", flags->model, "quantized ONNX file")->required();
  command->add_option("--input", flags->inputs, "[NAME=]FILE.npy per input; the first axis counts samples")->required();
  command->add_option("--at", flags->at, "'NODE[i,j,...]': an operator (or value) and an index into its output, NCHW")
      ->required();
  command->add_option("--fp32", flags->fp32, "the float model, to show its value and weights beside");
  command->add_option("--sample", flags->sample, "which batch of the input")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  flags->session.add_to(*command);
  flags->json.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return explain_value(*flags); }; });
}

}  // namespace octet::tools
