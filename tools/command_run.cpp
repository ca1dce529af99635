// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/model.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/hash.h"
#include "tools/samples.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model, output_dir;
  std::vector<std::string> inputs;
  SessionFlags session;
  JsonFlag json;
};

// A value name as a file name: path separators would leave the directory.
std::string file_name(std::string name) {
  std::ranges::replace(name, '/', '_');
  return name + ".npy";
}

Status run(const Flags& flags) {
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  Result<std::vector<NamedArray>> inputs = read_inputs(flags.inputs, *model);
  if (!inputs.ok()) return inputs.status();
  SessionOptions options = flags.session.options();
  for (const NamedArray& input : *inputs) options.input_shapes[input.name] = input.array.shape;
  Result<Session> session = Session::create(*model, options);
  if (!session.ok()) return session.status();
  if (Status status = flags.session.check(*session); !status.ok()) return status;
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    std::ranges::copy((*inputs)[i].array.bytes, session->input_bytes(i).begin());
  }
  session->run();

  if (!flags.output_dir.empty()) {
    std::error_code code;
    std::filesystem::create_directories(flags.output_dir, code);
    if (code) return Status::error(fmt::format("cannot create '{}': {}", flags.output_dir, code.message()));
  }
  auto outputs = nlohmann::json::array();
  for (std::size_t i = 0; i < session->outputs().size(); ++i) {
    const TensorInfo& info = session->outputs()[i];
    const auto bytes = session->output_bytes(i);
    const std::string hash = fmt::format("{:016x}", fnv1a(bytes));
    fmt::print("{} {} {} {}\n", hash, info.name, name_of(info.dtype), to_string(info.shape));
    outputs.push_back({{"name", info.name}, {"dtype", name_of(info.dtype)}, {"shape", info.shape.dims()}, {"hash", hash}});
    if (flags.output_dir.empty()) continue;
    const auto path = std::filesystem::path(flags.output_dir) / file_name(info.name);
    if (Status status = write_npy(path, info.dtype, info.shape, bytes); !status.ok()) return status;
  }
  return flags.json.write({{"backend", engine_of(*model, *session)},
                           {"threads", session->threads()},
                           {"requant", flags.session.requant},
                           {"outputs", outputs}});
}

}  // namespace

void add_run(CLI::App& app, Job& job) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand("run", "run a model once and print one 64-bit hash per output");
  command->add_option("model", flags->model, "ONNX file, fp32 or quantized")->required();
  command->add_option("--input", flags->inputs, "[NAME=]FILE.npy per input; its shape binds symbolic sizes")->required();
  command->add_option("--output-dir", flags->output_dir, "write each output there as NAME.npy");
  flags->session.add_to(*command);
  flags->json.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return run(*flags); }; });
}

}  // namespace octet::tools
