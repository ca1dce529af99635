// SPDX-License-Identifier: Apache-2.0
// From flags to a configuration: a preset or a file, and what single flags change of it.
#pragma once

#include <octet/quantize.h>
#include <octet/status.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace octet::tools {

struct QuantizeConfigFlags {
  std::string preset = "octet", file, observer, weights;
  std::vector<std::string> keep_float;

  void add_to(CLI::App& command);
  Result<QConfig> config() const;
};

}  // namespace octet::tools
