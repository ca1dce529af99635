// SPDX-License-Identifier: Apache-2.0
// `octet step MODEL`: runs once for every line on its input and answers with the milliseconds. For
// whoever wants to take turns with it: `octet bench` (oneDNN limited), bench/models.mjs (peers).
#include <fmt/format.h>

#include <cstdio>
#include <iostream>

#include "tools/bench_variant.h"
#include "tools/command.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model;
  SessionFlags session;
};

Status step(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  if (Status status = flags.session.check(*model); !status.ok()) return status;
  Result<VariantPtr> variant = make_variant(*model, flags.session.options());
  if (!variant.ok()) return variant.status();
  fmt::print("{} {} {} {}\n", (*variant)->create_ms, (*variant)->first_ms, (*variant)->weight_bytes,
             (*variant)->arena_bytes);
  std::fflush(stdout);
  for (std::string line; std::getline(std::cin, line);) {
    fmt::print("{}\n", (*variant)->run_ms());
    std::fflush(stdout);
  }
  return {};
}

}  // namespace

void add_step(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand(
      "step",
      "run once per line of input: prints creation ms, first run ms, weight and arena bytes, then each run's ms");
  command->group("");  // for scripts; not listed
  command->add_option("model", flags->model, "ONNX file")->required();
  flags->session.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return step(*flags); }; });
}

}  // namespace octet::tools
