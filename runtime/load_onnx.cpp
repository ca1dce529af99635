// SPDX-License-Identifier: Apache-2.0
// load = import + passes + verify. Part of octet::octet: besides the calibrator the only file of
// runtime/ that knows that ONNX and oneDNN exist.
#include <fmt/format.h>
#include <octet/model.h>

#include <fstream>
#include <system_error>

#include "graph/export/onnx.h"
#include "graph/import/onnx.h"
#include "graph/passes/passes.h"
#include "kernels/float_ops.h"
#include "runtime/float_environment.h"
#include "runtime/model_impl.h"

namespace octet {
namespace {

Result<std::vector<std::byte>> read_file(const std::filesystem::path& path) {
  std::error_code code;
  const auto size = std::filesystem::file_size(path, code);
  if (code) return Status::error(fmt::format("cannot read '{}': {}", path.string(), code.message()));
  std::vector<std::byte> bytes(size);
  std::ifstream file(path, std::ios::binary);
  if (!file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size))) {
    return Status::error(fmt::format("cannot read '{}': reading {} bytes failed", path.string(), size));
  }
  return bytes;
}

}  // namespace

Result<Model> Model::load(const std::filesystem::path& path) {
  Result<std::vector<std::byte>> bytes = read_file(path);
  if (!bytes.ok()) return bytes.status();
  Result<Model> model = parse(*bytes, path.parent_path());
  if (!model.ok()) return Status::error(fmt::format("'{}': {}", path.string(), model.status().message()));
  return model;
}

Result<Model> Model::parse(std::span<const std::byte> bytes, const std::filesystem::path& directory) {
  const runtime::FloatEnvironment environment;
  Result<graph::Graph> graph = graph::import_onnx(bytes, directory);
  if (!graph.ok()) return graph.status();
  if (Status status = graph::simplify(*graph); !status.ok()) return status;
  return runtime::make_model(std::move(*graph), kernels::onednn::prepare);
}

Status Model::save(const std::filesystem::path& path) const {
  Result<std::string> bytes = graph::export_onnx(impl().graph);
  if (!bytes.ok()) return bytes.status();
  std::ofstream file(path, std::ios::binary);
  file.write(bytes->data(), static_cast<std::streamsize>(bytes->size()));
  file.close();
  if (!file) return Status::error(fmt::format("cannot write '{}' ({} bytes)", path.string(), bytes->size()));
  return {};
}

}  // namespace octet
