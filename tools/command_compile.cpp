// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/model.h>

#include <memory>

#include "tools/command.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model, output;
  std::vector<std::string> backends;
};

Status compile(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  if (Status status = model->compile(flags.output, {.backends = flags.backends}); !status.ok()) return status;
  // What was written must open before anybody ships it.
  Result<Model> opened = Model::open(flags.output);
  if (!opened.ok()) return opened.status();
  fmt::print("{}: {} -> {}: {}, {}\n", flags.model, file_size_text(flags.model), flags.output,
             file_size_text(flags.output), opened->is_quantized() ? "int8" : "fp32");
  return {};
}

}  // namespace

void add_compile(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("compile", "write a model as .octet, which opens without ONNX and without copying");
  command->add_option("model", flags->model, "ONNX file, fp32 or quantized")->required();
  command->add_option("-o,--output", flags->output, "compiled model to write")->required();
  command->add_option("--backend", flags->backends,
                      "also store weights packed for this backend, which then starts without packing; may be repeated");
  command->callback([flags, &job] { job = [flags] { return compile(*flags); }; });
}

}  // namespace octet::tools
