// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/compare.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/float_batch.h"
#include "tools/samples.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string fp32, int8;
  std::vector<std::string> inputs;
  std::int64_t samples = 100;
  SessionFlags session;
  JsonFlag json;
};

std::string percent(double share) { return fmt::format("{:.3g} %", 100 * share); }

void print(const std::vector<OpComparison>& ops) {
  fmt::print("{:>8} {:>9} {:>9} {:>8} {:>9} {:>9} {:>9} {:>9}  operator\n", "SQNR dB", "cosine", "max err", "clipped",
             "input", "upstream", "weights", "requant.");
  for (const OpComparison& op : ops) {
    const ErrorParts& p = op.parts;
    const auto part = [&](double share) { return op.has_parts ? percent(share) : std::string("-"); };
    fmt::print("{:8.2f} {:9.6f} {:9.3g} {:>8} {:>9} {:>9} {:>9} {:>9}  {} {}{}{}\n", op.sqnr_db, op.cosine,
               op.max_error, percent(op.clipped), part(p.input), part(p.upstream), part(p.weights),
               part(p.requantization), op.name, op.op, op.enters.empty() ? "" : " <- " + op.enters,
               op.worst ? " (worst)" : "");
  }
}

// What an operator adds itself, not what it was handed.
double own(const OpComparison& op) { return std::hypot(op.parts.input, op.parts.weights, op.parts.requantization); }

void print_summary(const std::vector<OpComparison>& ops) {
  const auto worst = std::ranges::find_if(ops, &OpComparison::worst);
  if (worst != ops.end()) {
    fmt::print("worst: '{}' with {:.2f} dB, most of it from {}\n", worst->name, worst->sqnr_db,
               worst->enters.empty() ? "operators before it" : worst->enters);
  }
  const auto most = std::ranges::max_element(ops, {}, own);
  if (most != ops.end() && most->has_parts) {
    fmt::print("most error enters at '{}': {} of its result (input {}, weights {}, requantization {})\n", most->name,
               percent(own(*most)), percent(most->parts.input), percent(most->parts.weights),
               percent(most->parts.requantization));
  }
  for (const OpComparison& op : ops) {
    if (!op.uncalibrated) continue;
    fmt::print("'{}' has scale 1 and zero point 0: it was converted without calibration; show the calibrator samples\n",
               op.value);
  }
}

nlohmann::json number(double x) { return std::isfinite(x) ? nlohmann::json(x) : nlohmann::json(nullptr); }

nlohmann::json op_json(const OpComparison& op) {
  nlohmann::json json = {{"name", op.name},
                         {"op", op.op},
                         {"precision", op.precision},
                         {"value", op.value},
                         {"shape", op.shape.dims()},
                         {"sqnr_db", number(op.sqnr_db)},
                         {"cosine", op.cosine},
                         {"max_error", op.max_error},
                         {"clipped", op.clipped},
                         {"worst", op.worst},
                         {"uncalibrated", op.uncalibrated}};
  if (op.has_parts) {
    json["enters"] = op.enters;
    json["parts"] = {{"input", op.parts.input},
                     {"upstream", op.parts.upstream},
                     {"weights", op.parts.weights},
                     {"requantization", op.parts.requantization}};
  }
  return json;
}

Status compare(const Flags& flags) {
  Result<Model> fp32 = Model::load(flags.fp32);
  if (!fp32.ok()) return fp32.status();
  Result<Model> int8 = Model::load(flags.int8);
  if (!int8.ok()) return int8.status();
  if (Status status = flags.session.check(*int8); !status.ok()) return status;
  Result<Comparison> comparison = Comparison::create(*fp32, *int8, flags.session.options());
  if (!comparison.ok()) return comparison.status();
  Result<std::vector<NamedArray>> inputs = read_inputs(flags.inputs, *fp32);
  if (!inputs.ok()) return inputs.status();
  Result<Samples> samples = Samples::create(std::move(*inputs), *fp32);
  if (!samples.ok()) return samples.status();
  const std::int64_t batches =
      std::min(samples->batches(), std::max<std::int64_t>(flags.samples / samples->batch(), 1));
  Progress progress("comparing", batches);
  for (std::int64_t b = 0; b < batches; ++b) {
    if (Status status = comparison->add(float_batch(*samples, b).tensors); !status.ok()) return status;
    progress.step();
  }
  const std::vector<OpComparison> ops = comparison->ops();
  fmt::print("{} beside {}, {} samples\n", flags.int8, flags.fp32, batches * samples->batch());
  print(ops);
  print_summary(ops);
  auto list = nlohmann::json::array();
  for (const OpComparison& op : ops) list.push_back(op_json(op));
  return flags.json.write({{"fp32", flags.fp32},
                           {"int8", flags.int8},
                           {"samples", batches * samples->batch()},
                           {"requant", flags.session.requant},
                           {"ops", list}});
}

}  // namespace

void add_compare(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("compare", "how far each int8 operator is from the float model, and why");
  command->add_option("fp32", flags->fp32, "the float ONNX file")->required();
  command->add_option("int8", flags->int8, "its quantized form")->required();
  command->add_option("--input", flags->inputs, "[NAME=]FILE.npy per input; the first axis counts samples")->required();
  command->add_option("--samples", flags->samples, "how many samples at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  flags->session.add_to(*command);
  flags->json.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return compare(*flags); }; });
}

}  // namespace octet::tools
