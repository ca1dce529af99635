// SPDX-License-Identifier: Apache-2.0
#include "kernels/backend.h"

#include <fmt/format.h>

#include <array>
#include <cstdlib>
#include <iterator>
#include <mutex>

#include "kernels/cpu.h"
#include "kernels/self_test.h"

namespace octet::kernels {

#define OCTET_BACKEND(name)     \
  namespace name {              \
  extern const Backend backend; \
  }
#include "backends.inc"
#undef OCTET_BACKEND

namespace {

// Best first, as kernels/CMakeLists.txt lists them; the last one is scalar.
constexpr const Backend* kBackends[] = {
#define OCTET_BACKEND(name) &name::backend,
#include "backends.inc"
#undef OCTET_BACKEND
};

template <class Slot>
void inherit(Slot& slot, const Slot& base) {
  if (slot == nullptr) slot = base;
}

// Every slot filled: the backend's own kernel, else its base's, and so on.
Backend resolve(const Backend& backend) {
  Backend full = backend;
  for (const Backend* base = backend.base; base != nullptr; base = base->base) {
    if (full.gemm.run == nullptr) {  // its GEMMs belong together: what one cannot do exactly another does
      full.gemm = base->gemm;
      full.gemm_exact = base->gemm_exact;
      full.gemm_complement = base->gemm_complement;
      full.gemm_quads = base->gemm_quads;
    }
    inherit(full.depthwise, base->depthwise);
    inherit(full.depthwise3x3, base->depthwise3x3);
    inherit(full.add, base->add);
    inherit(full.mul, base->mul);
    inherit(full.lookup, base->lookup);
    inherit(full.max_pool, base->max_pool);
    inherit(full.avg_pool, base->avg_pool);
    inherit(full.quantize, base->quantize);
    inherit(full.dequantize, base->dequantize);
    inherit(full.requantize, base->requantize);
  }
  if (full.gemm_exact.run == nullptr) full.gemm_exact = full.gemm;
  return full;
}

void judge(BackendEntry& entry) {
  const std::uint64_t missing = entry.backend.needs & ~cpu_features();
  if (missing != 0) {
    entry.reason = fmt::format("this CPU or its operating system lacks {}", describe_features(missing));
  } else if (const char* kernel = failing_kernel(entry.backend)) {
    entry.reason = fmt::format("its self-test failed: kernel {} differs from the scalar specification", kernel);
    entry.is_wrong = true;
  }
}

// Reasons are filled in as they are asked for.
std::vector<BackendEntry>& entries() {
  static std::vector<BackendEntry> all = [] {
    std::vector<BackendEntry> resolved;
    for (const Backend* backend : kBackends) resolved.push_back({resolve(*backend), {}});
    return resolved;
  }();
  return all;
}

const BackendEntry& tested(std::size_t i) {
  static std::array<std::once_flag, std::size(kBackends)> once;
  BackendEntry& entry = entries()[i];
  std::call_once(once[i], [&entry] { judge(entry); });
  return entry;
}

std::string usable_names() {
  std::string names;
  for (const BackendEntry& entry : all_backends()) {
    if (entry.reason.empty()) names += (names.empty() ? "" : ", ") + std::string(entry.backend.name);
  }
  return names;
}

}  // namespace

const std::vector<BackendEntry>& all_backends() {
  for (std::size_t i = 0; i < std::size(kBackends); ++i) tested(i);
  return entries();
}

std::string demotion_note(std::span<const BackendEntry> passed_over) {
  std::string note;
  for (const BackendEntry& entry : passed_over) {
    if (!entry.is_wrong) continue;
    note += fmt::format("{}backend {} was passed over: {}", note.empty() ? "" : "; ", entry.backend.name, entry.reason);
  }
  return note;
}

Result<BackendChoice> choose_backend(std::string_view requested) {
  std::string_view source = "backend";
  if (requested.empty()) {
    const char* environment = std::getenv("OCTET_BACKEND");
    if (environment != nullptr) requested = environment;
    source = "OCTET_BACKEND";
  }
  for (std::size_t i = 0; i < std::size(kBackends); ++i) {
    if (!requested.empty() && requested != kBackends[i]->name) continue;
    const BackendEntry& entry = tested(i);
    if (!requested.empty() || entry.reason.empty()) {
      if (entry.reason.empty()) {
        return BackendChoice{&entry.backend, requested.empty() ? demotion_note({entries().data(), i}) : std::string{}};
      }
      return Status::error(
          fmt::format("{} '{}' cannot run here: {}; usable here: {}", source, requested, entry.reason, usable_names()));
    }
  }
  return Status::error(fmt::format("{} '{}' does not exist; usable here: {}", source, requested, usable_names()));
}

}  // namespace octet::kernels

namespace octet {

std::vector<BackendInfo> backends() {
  const Result<kernels::BackendChoice> chosen = kernels::choose_backend({});
  std::vector<BackendInfo> infos;
  for (const kernels::BackendEntry& entry : kernels::all_backends()) {
    infos.push_back({entry.backend.name, entry.backend.description, entry.reason.empty(), entry.reason,
                     chosen.ok() && chosen->backend == &entry.backend});
  }
  return infos;
}

Result<std::string> best_backend(std::string_view requested) {
  const Result<kernels::BackendChoice> chosen = kernels::choose_backend(requested);
  if (!chosen.ok()) return chosen.status();
  return std::string(chosen->backend->name);
}

}  // namespace octet
