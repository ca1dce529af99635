// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/qconfig.h"

#include <fmt/format.h>

#include "graph/quantize/observer.h"
#include "graph/quantize/qparams.h"

namespace octet {
namespace {

// Codes as PyTorch's quantization configurations have them.
QConfig pytorch(bool reduce_range, bool per_channel) {
  QConfig config;
  config.observer.kind = ObserverKind::histogram;
  config.activation.rule = config.weight.rule = ScaleRule::half;
  config.activation.reduce_range = reduce_range;
  config.weight.quant_min = -128;
  config.weight.per_channel = per_channel;
  return config;
}

struct Preset {
  const char* name;
  QConfig (*make)();
};

// THE LIST OF PRESETS, the default first.
constexpr Preset kPresets[] = {
    // Affine u8 activations; weights symmetric per channel on 255 codes, so that the largest weight
    // of either sign is exact.
    {"octet", [] { return QConfig{}; }},
    {"fbgemm", [] { return pytorch(true, true); }},
    {"x86", [] { return pytorch(true, true); }},
    {"qnnpack", [] { return pytorch(false, false); }},
    {"onednn", [] { return pytorch(false, true); }},
};

Status check_parts(const ObserverSpec& observer, const QuantSpec& activation, const QuantSpec& weight,
                   const ObserverSpec& weight_observer) {
  if (Status status = graph::check_spec(activation); !status.ok()) {
    return Status::error("activations: " + status.message());
  }
  if (activation.per_channel) {
    return Status::error("activations: per_channel is set: int8 operators need one scale per activation");
  }
  if (Status status = graph::check_observer(observer); !status.ok()) {
    return Status::error("activations: " + status.message());
  }
  if (graph::is_per_channel(observer.kind)) {
    return Status::error(
        fmt::format("activations: observer {}: int8 operators need one scale per activation", name_of(observer.kind)));
  }
  if (Status status = graph::check_spec(weight); !status.ok()) return Status::error("weights: " + status.message());
  if (Status status = graph::check_observer(weight_observer); !status.ok()) {
    return Status::error("weights: " + status.message());
  }
  return {};
}

}  // namespace

Result<QConfig> QConfig::preset(std::string_view name) {
  std::string known;
  for (const Preset& preset : kPresets) {
    if (name == preset.name) return preset.make();
    known += fmt::format("{}{}", known.empty() ? "" : ", ", preset.name);
  }
  return Status::error(fmt::format("preset '{}': must be one of {}", name, known));
}

Status graph::check_config(const QConfig& config) {
  Status status = check_parts(config.observer, config.activation, config.weight, config.weight_observer);
  if (!status.ok()) return status;
  for (std::size_t i = 0; i < config.rules.size(); ++i) {
    const QConfigRule& rule = config.rules[i];
    const QuantSpec activation = rule.activation.value_or(config.activation);
    status = check_parts(rule.observer.value_or(config.observer), activation, rule.weight.value_or(config.weight),
                         rule.weight_observer.value_or(config.weight_observer));
    if (status.ok() && activation.dtype != config.activation.dtype) {
      status = Status::error(fmt::format("activations: code type {}: the whole model has one, and the default says {}",
                                         name_of(activation.dtype), name_of(config.activation.dtype)));
    }
    if (!status.ok()) return Status::error(fmt::format("rule {}: {}", i + 1, status.message()));
  }
  return {};
}

}  // namespace octet
