// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/observer.h"

#include <fmt/format.h>

namespace octet::graph {

#define OCTET_OBSERVER(kind, name) std::unique_ptr<Observer> make_##kind##_observer();
#include "graph/quantize/observers.def"
#undef OCTET_OBSERVER

namespace {

struct Entry {
  ObserverKind kind;
  const char* name;
  std::unique_ptr<Observer> (*make)();
};

constexpr Entry kObservers[] = {
#define OCTET_OBSERVER(kind, name) {ObserverKind::kind, name, make_##kind##_observer},
#include "graph/quantize/observers.def"
#undef OCTET_OBSERVER
};

}  // namespace

std::unique_ptr<Observer> make_observer(ObserverKind kind) {
  for (const Entry& entry : kObservers) {
    if (entry.kind == kind) return entry.make();
  }
  return nullptr;
}

const char* name_of(ObserverKind kind) noexcept {
  for (const Entry& entry : kObservers) {
    if (entry.kind == kind) return entry.name;
  }
  return "unknown";
}

Result<ObserverKind> find_observer(std::string_view name) {
  std::string known;
  for (const Entry& entry : kObservers) {
    if (name == entry.name) return entry.kind;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", entry.name);
  }
  return Status::error(fmt::format("observer '{}': must be one of {}", name, known));
}

}  // namespace octet::graph
