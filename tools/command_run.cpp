// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/image.h>
#include <octet/model.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/hash.h"
#include "tools/photo.h"
#include "tools/samples.h"
#include "tools/topk.h"

namespace octet::tools {
namespace {

struct Flags {
  std::string model, output_dir, image, labels, normalize = "imagenet";
  std::vector<std::string> inputs;
  SessionFlags session;
  JsonFlag json;
};

// A value name as a file name: path separators would leave the directory.
std::string file_name(std::string name) {
  std::ranges::replace(name, '/', '_');
  return name + ".npy";
}

// The picture as the model's first input.
Status write_image(const Flags& flags, Session& session) {
  if (session.inputs().empty()) return Status::error("--image: the model has no input");
  const TensorInfo& info = session.inputs()[0];
  if (info.shape.rank() != 4) {
    return Status::error(
        fmt::format("input '{}' is {}: --image needs [1,channels,height,width]", info.name, to_string(info.shape)));
  }
  ImageNormalization normalization = ImageNormalization::imagenet();
  if (flags.normalize == "unit") normalization = {};
  Result<ImageInput> input = ImageInput::create(session, 0, normalization);
  if (!input.ok()) return input.status();
  Result<Photo> photo = read_photo(flags.image, info.shape[2], info.shape[3], info.shape[1]);
  if (!photo.ok()) return photo.status();
  return input->write(photo->view(), session);
}

// The five classes with the largest scores in the first output, by name.
Status print_classes(const std::string& path, const Session& session) {
  std::ifstream file(path);
  std::vector<std::string> labels;
  for (std::string line; std::getline(file, line);) labels.push_back(line);
  const TensorInfo& info = session.outputs()[0];
  const std::int64_t classes = info.shape.count();
  if (static_cast<std::int64_t>(labels.size()) != classes) {
    return Status::error(fmt::format("'{}' has {} lines, output '{}' has {} scores: one line per score", path,
                                     labels.size(), info.name, classes));
  }
  std::vector<std::int64_t> best(static_cast<std::size_t>(std::min<std::int64_t>(5, classes)), -1);
  for (std::int64_t label = 0; label < classes; ++label) {
    const auto rank = static_cast<std::size_t>(rank_of(info.dtype, session.output_bytes(0), label));
    if (rank < best.size()) best[rank] = label;
  }
  for (std::size_t i = 0; i < best.size(); ++i) {
    if (best[i] >= 0) fmt::print("{}. {}\n", i + 1, labels[static_cast<std::size_t>(best[i])]);
  }
  return {};
}

Status run(const Flags& flags) {
  if (flags.inputs.empty() == flags.image.empty()) return Status::error("give the inputs as --input or as --image");
  Result<Model> model = Model::load(flags.model);
  if (!model.ok()) return model.status();
  Result<std::vector<NamedArray>> inputs = std::vector<NamedArray>();
  if (flags.image.empty()) inputs = read_inputs(flags.inputs, *model);
  if (!inputs.ok()) return inputs.status();
  SessionOptions options = flags.session.options();
  for (const NamedArray& input : *inputs) options.input_shapes[input.name] = input.array.shape;
  Result<Session> session = Session::create(*model, options);
  if (!session.ok()) return session.status();
  if (Status status = flags.session.check(*session); !status.ok()) return status;
  for (std::size_t i = 0; i < inputs->size(); ++i) {
    std::ranges::copy((*inputs)[i].array.bytes, session->input_bytes(i).begin());
  }
  if (!flags.image.empty()) {
    if (Status status = write_image(flags, *session); !status.ok()) return status;
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
    outputs.push_back(
        {{"name", info.name}, {"dtype", name_of(info.dtype)}, {"shape", info.shape.dims()}, {"hash", hash}});
    if (flags.output_dir.empty()) continue;
    const auto path = std::filesystem::path(flags.output_dir) / file_name(info.name);
    if (Status status = write_npy(path, info.dtype, info.shape, bytes); !status.ok()) return status;
  }
  if (!flags.labels.empty()) {
    if (Status status = print_classes(flags.labels, *session); !status.ok()) return status;
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
  command->add_option("--input", flags->inputs, "[NAME=]FILE.npy per input; its shape binds symbolic sizes");
  command->add_option("--image", flags->image, "a picture for the first input instead: JPEG, PNG, PNM ...");
  command
      ->add_option("--normalize", flags->normalize, "of pixels: imagenet (mean and deviation of RGB), or unit (0 to 1)")
      ->check(CLI::IsMember({"imagenet", "unit"}))
      ->capture_default_str();
  command->add_option("--labels", flags->labels, "text file, a class name per line: the best five are printed");
  command->add_option("--output-dir", flags->output_dir, "write each output there as NAME.npy");
  flags->session.add_to(*command);
  flags->json.add_to(*command);
  command->callback([flags, &job] { job = [flags] { return run(*flags); }; });
}

}  // namespace octet::tools
