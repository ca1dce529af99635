// SPDX-License-Identifier: Apache-2.0
// The octet command. Exit status: 0 done, 1 the job failed, 2 the command line is wrong.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "tools/command.h"

namespace {

constexpr const char* kFooter = R"(Typical use:
  octet quantize model.onnx -o model_int8.onnx --calibrate samples.npy
  octet eval model_int8.onnx --input test.npy --labels labels.npy
  octet bench model_int8.onnx --threads 1
  octet inspect model_int8.onnx
  octet compile model_int8.onnx -o model.octet
The backend is chosen by --backend, else OCTET_BACKEND, else the best that runs here.
`octet COMMAND --help` explains each command.)";

int fail(int code, const std::string& message) {
  fmt::print(stderr, "octet: {}\n", message);
  return code;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("octet runs int8 neural networks on CPUs, with the same output bytes on every one.", "octet");
  app.footer(kFooter);
  app.require_subcommand(1);
  octet::tools::Job job;
  namespace tools = octet::tools;
  for (auto* add : {tools::add_run, tools::add_quantize, tools::add_eval, tools::add_bench, tools::add_inspect,
                    tools::add_compare, tools::add_explain, tools::add_report, tools::add_compile,
                    tools::add_backends, tools::add_step}) {
    add(app, job);
  }
  // CLI11 would only say that a subcommand is required.
  const auto is_asked_for = [&](const CLI::App* command) { return argc > 1 && command->check_name(argv[1]); };
  if (argc > 1 && argv[1][0] != '-' && app.get_subcommands(is_asked_for).empty()) {
    return fail(2, fmt::format("command '{}' does not exist (see octet --help)", argv[1]));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help
    return fail(2, fmt::format("{} (see octet --help)", error.what()));
  }
  try {
    const octet::Status status = job();
    return status.ok() ? 0 : fail(1, status.message());
  } catch (const std::exception& error) {  // out of memory and the like
    return fail(1, error.what());
  }
}
