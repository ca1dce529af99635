// SPDX-License-Identifier: Apache-2.0
// Packs what a reader of the file will see: the file is opened, prepared for each backend, and whatever
// layers would share is written down.
#include "runtime/compiled/pack.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <new>

#include "graph/passes/passes.h"
#include "kernels/backend.h"
#include "octet_generated.h"
#include "runtime/compiled/container.h"
#include "runtime/compiled/foreign_backends.h"
#include "runtime/compiled/open.h"
#include "runtime/model_impl.h"
#include "runtime/plan.h"

namespace octet::runtime {
namespace {

// Keeps what operators want to share. Constants are known by where they lie in the file.
class Recorder final : public kernels::WeightStore {
 public:
  Recorder(const compiled::Model& description, std::span<const std::byte> data, std::vector<PackedForm>& forms)
      : description_(description), data_(data), forms_(forms) {}
  void start(std::string backend) { backend_ = std::move(backend); }

  Result<kernels::LayerWeightsPtr> find(const kernels::WeightKey&, const kernels::Backend&) override {
    return kernels::LayerWeightsPtr();
  }
  kernels::LayerWeightsPtr share(const kernels::WeightKey& key, kernels::LayerWeightsPtr made) override {
    const bool known = std::ranges::any_of(forms_, [&](const PackedForm& form) { return form.key == key; });
    if (const std::int32_t constant = index_of(key.constant); constant >= 0 && !known)
      forms_.push_back({constant, backend_, key, made});
    return made;
  }
  Status before_reading(const std::byte*) override { return {}; }

 private:
  // -1 for what a pass has made of the file's constants.
  std::int32_t index_of(const std::byte* constant) const {
    const flatbuffers::Vector<flatbuffers::Offset<compiled::Value>>& values = *description_.values();
    for (std::uint32_t i = 0; i < values.size(); ++i) {
      const compiled::Blob* blob = values.Get(i)->data();
      if (blob != nullptr && data_.data() + blob->offset() == constant) return static_cast<std::int32_t>(i);
    }
    return -1;
  }

  const compiled::Model& description_;
  std::span<const std::byte> data_;
  std::vector<PackedForm>& forms_;
  std::string backend_;
};

// Of this build, or what stands in for one of another processor.
Result<kernels::Backend> find_backend(const std::string& name) {
  const std::vector<kernels::BackendEntry>& built = kernels::all_backends();
  std::string names;
  for (const kernels::BackendEntry& entry : built) {
    if (name == entry.backend.name) return entry.backend;
    names += std::string(entry.backend.name) + ", ";
  }
  for (const ForeignBackend& foreign : kForeignBackends) {
    if (name == foreign.name) return stand_in(foreign, built.back().backend);
    if (names.find(std::string(foreign.name) + ", ") == std::string::npos) names += std::string(foreign.name) + ", ";
  }
  names.resize(names.size() - 2);
  return Status::error(fmt::format("backend '{}' does not exist: there are {}", name, names));
}

}  // namespace

Result<std::vector<PackedForm>> pack_for(const std::string& bytes, const CompileOptions& options) {
  constexpr std::align_val_t kAlignment{kBlobAlignment};
  const std::shared_ptr<std::byte[]> file(static_cast<std::byte*>(::operator new[](bytes.size(), kAlignment)),
                                          [](std::byte* memory) { ::operator delete[](memory, kAlignment); });
  std::memcpy(file.get(), bytes.data(), bytes.size());
  const Result<Container> parts = read_container({file.get(), bytes.size()});
  if (!parts.ok()) return parts.status();
  constexpr std::size_t kAny = std::numeric_limits<std::size_t>::max();  // octet has just written it
  const Result<Model> model = open_compiled(file, bytes.size(), nullptr, {kAny, kAny, kAny, kAny});
  if (!model.ok()) return model.status();

  std::vector<PackedForm> forms;
  Recorder recorder(*compiled::GetModel(parts->description.data()), parts->data, forms);
  for (const std::string& name : options.backends) {
    const Result<kernels::Backend> backend = find_backend(name);
    if (!backend.ok()) return backend.status();
    graph::Graph graph = model->impl().graph;
    const DType activation = backend->activation == kernels::Activation::u8 ? DType::u8 : DType::s8;
    if (Status status = graph::lower(graph, {options.input_shapes, activation}); !status.ok()) return status;
    recorder.start(name);
    PlanOptions plan_options{&*backend};
    plan_options.weights = &recorder;
    if (Result<Plan> plan = make_plan(std::move(graph), plan_options); !plan.ok()) return plan.status();
  }
  return forms;
}

}  // namespace octet::runtime
