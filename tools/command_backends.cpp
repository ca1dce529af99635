// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/backend.h>

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/command.h"

namespace octet::tools {
namespace {

Status list(const JsonFlag& json) {
  if (Result<std::string> best = best_backend(); !best.ok()) return best.status();
  auto entries = nlohmann::json::array();
  for (const BackendInfo& backend : backends()) {
    const std::string state = backend.is_default ? "default" : backend.usable ? "usable" : "not usable: " + backend.reason;
    fmt::print("{:14} {:60} {}\n", backend.name, backend.description, state);
    entries.push_back({{"name", backend.name},
                       {"description", backend.description},
                       {"usable", backend.usable},
                       {"reason", backend.reason},
                       {"default", backend.is_default}});
  }
  return json.write({{"backends", entries}});
}

}  // namespace

void add_backends(CLI::App& app, Job& job) {
  auto flag = std::make_shared<JsonFlag>();
  CLI::App* command = app.add_subcommand("backends", "every backend, best first, and which one is the default here");
  flag->add_to(*command);
  command->callback([flag, &job] { job = [flag] { return list(*flag); }; });
}

}  // namespace octet::tools
