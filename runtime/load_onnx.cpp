// SPDX-License-Identifier: Apache-2.0
// load = import + passes + verify. Part of octet::octet: besides the calibrator the only file of
// runtime/ that knows that ONNX and oneDNN exist.
#include <fmt/format.h>
#include <octet/model.h>

#include <cstring>
#include <fstream>
#include <new>

#include "graph/export/onnx.h"
#include "graph/import/metadata.h"
#include "graph/import/onnx.h"
#include "graph/load_budget.h"
#include "graph/passes/passes.h"
#include "kernels/float_ops.h"
#include "runtime/compiled/container.h"
#include "runtime/compiled/open.h"
#include "runtime/compiled/pack.h"
#include "runtime/compiled/write.h"
#include "runtime/float_environment.h"
#include "runtime/mapped_file.h"
#include "runtime/model_impl.h"

namespace octet {
namespace {

#if defined(OCTET_HAS_ONEDNN)
constexpr kernels::PrepareFn kFloatPrepare = kernels::onednn::prepare;
#else
constexpr kernels::PrepareFn kFloatPrepare = nullptr;
#endif

Status write_file(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) return Status::error(fmt::format("cannot write '{}' ({} bytes)", path.string(), bytes.size()));
  return {};
}

// Compiled models in the caller's memory are used after the call, so they are copied to memory that stays
// and is aligned; files are mapped instead.
Result<Model> open_copy(std::span<const std::byte> bytes, const ModelLimits& limits) {
  if (Status status = graph::LoadBudget(limits).check_file(bytes.size()); !status) return status;
  constexpr std::align_val_t kAlignment{runtime::kBlobAlignment};
  const std::shared_ptr<std::byte[]> copy(static_cast<std::byte*>(::operator new[](bytes.size(), kAlignment)),
                                          [](std::byte* memory) { ::operator delete[](memory, kAlignment); });
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return runtime::open_compiled(copy, bytes.size(), kFloatPrepare, limits);
}

}  // namespace

Result<Model> Model::load(const std::filesystem::path& path, const ModelLimits& limits) try {
  Result<runtime::MappedFile> file = runtime::map_file(path);
  if (!file.ok()) return file.status();
  const std::span bytes(file->bytes.get(), file->size);
  Result<Model> model = runtime::is_compiled_model(bytes)
                            ? runtime::open_compiled(file->bytes, file->size, kFloatPrepare, limits)
                            : parse(bytes, path.parent_path(), limits);
  if (!model.ok()) return Status::error(fmt::format("'{}': {}", path.string(), model.status().message()));
  return model;
} catch (const std::bad_alloc&) {
  return Status::error("not enough memory to load this model");
}

Result<Model> Model::parse(std::span<const std::byte> bytes, const std::filesystem::path& directory,
                           const ModelLimits& limits) try {
  if (runtime::is_compiled_model(bytes)) return open_copy(bytes, limits);
  const runtime::FloatEnvironment environment;
  Result<graph::Graph> graph = graph::import_onnx(bytes, directory, limits);
  if (!graph.ok()) return graph.status();
  if (Status status = graph::simplify(*graph); !status.ok()) return status;
  return runtime::make_model(std::move(*graph), kFloatPrepare, graph::read_metadata(bytes));
} catch (const std::bad_alloc&) {
  return Status::error("not enough memory to load this model");
}

Status Model::save(const std::filesystem::path& path) const {
  if (Status status = impl().weights->before_reading_all(); !status.ok()) return status;
  Result<std::string> bytes = graph::export_onnx(impl().graph);
  if (!bytes.ok()) return bytes.status();
  return write_file(path, *bytes + graph::metadata_message(impl().notes));
}

Status Model::compile(const std::filesystem::path& path, const CompileOptions& options) const {
  if (Status status = impl().weights->before_reading_all(); !status.ok()) return status;
  Result<graph::PlainModel> plain = graph::export_plain(impl().graph);
  if (!plain.ok()) return plain.status();
  std::map<std::string, std::string> notes = impl().notes;
  notes["producer"] = "octet " OCTET_VERSION;
  Result<std::string> bytes = runtime::write_compiled(*plain, notes, {});
  if (!bytes.ok()) return bytes.status();
  if (!options.backends.empty()) {
    const Result<std::vector<runtime::PackedForm>> packed = runtime::pack_for(*bytes, options);
    if (!packed.ok()) return packed.status();
    bytes = runtime::write_compiled(*plain, notes, *packed);
    if (!bytes.ok()) return bytes.status();
  }
  return write_file(path, *bytes);
}

}  // namespace octet
