// SPDX-License-Identifier: Apache-2.0
#include "runtime/compiled/open.h"

#include <fmt/format.h>

#include <new>

#include "graph/passes/passes.h"
#include "runtime/compiled/read.h"
#include "runtime/float_environment.h"
#include "runtime/mapped_file.h"
#include "runtime/model_impl.h"

namespace octet {

Result<Model> runtime::open_compiled(const std::shared_ptr<const std::byte[]>& file, std::size_t size,
                                     kernels::PrepareFn float_prepare, const ModelLimits& limits) try {
  const FloatEnvironment environment;
  Result<CompiledModel> read = read_compiled(file, size, limits);
  if (!read.ok()) return read.status();
  if (Status status = graph::simplify(read->graph); !status.ok()) return status;
  Model model = make_model(std::move(read->graph), float_prepare, std::move(read->notes));
  WeightCache& weights = *model.impl().weights;
  for (const auto& [constant, checksum] : read->deferred) weights.defer(constant, checksum);
  for (auto& [constant, packed] : read->packed) weights.add(constant.data.get(), std::move(packed));
  return model;
} catch (const std::bad_alloc&) {
  return Status::error("not enough memory to open this model");
}

Result<Model> Model::open(const std::filesystem::path& path, const ModelLimits& limits) try {
  Result<runtime::MappedFile> file = runtime::map_file(path);
  if (!file.ok()) return file.status();
  Result<Model> model = runtime::open_compiled(file->bytes, file->size, nullptr, limits);
  if (!model.ok()) return Status::error(fmt::format("'{}': {}", path.string(), model.status().message()));
  return model;
} catch (const std::bad_alloc&) {
  return Status::error("not enough memory to open this model");
}

Result<Model> Model::open(std::span<const std::byte> bytes, const ModelLimits& limits) try {
  if (bytes.data() == nullptr) return Status::error("no bytes: not a compiled model");
  // The caller keeps the memory; nothing is to be freed.
  const std::shared_ptr<const std::byte[]> kept(bytes.data(), [](const std::byte*) {});
  return runtime::open_compiled(kept, bytes.size(), nullptr, limits);
} catch (const std::bad_alloc&) {
  return Status::error("not enough memory to open this model");
}

}  // namespace octet
