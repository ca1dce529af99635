// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/qconfig.h"

#include <fmt/format.h>

#include "graph/quantize/qparams.h"

namespace octet {
namespace {

struct Preset {
  const char* name;
  QConfig config;
};

// THE LIST OF PRESETS, the default first.
const Preset kPresets[] = {
    // Affine u8 activations; weights symmetric per channel on 255 codes, so that the largest weight
    // of either sign is exact.
    {"octet", {}},
};

}  // namespace

Result<QConfig> QConfig::preset(std::string_view name) {
  std::string known;
  for (const Preset& preset : kPresets) {
    if (name == preset.name) return preset.config;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", preset.name);
  }
  return Status::error(fmt::format("preset '{}': must be one of {}", name, known));
}

Status graph::check_config(const QConfig& config) {
  if (Status status = check_spec(config.activation); !status.ok()) {
    return Status::error("activations: " + status.message());
  }
  if (config.activation.per_channel) {
    return Status::error("activations: per_channel is set: int8 operators need one scale per activation");
  }
  if (Status status = check_spec(config.weight); !status.ok()) return Status::error("weights: " + status.message());
  return {};
}

}  // namespace octet
