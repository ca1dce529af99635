// SPDX-License-Identifier: Apache-2.0
#include "tools/quantize_config.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace octet::tools {
namespace {

Result<QConfig> read_config(const std::string& path) {
  constexpr std::uintmax_t kMostBytes = 1 << 20;
  std::error_code failed;
  const std::uintmax_t size = std::filesystem::file_size(path, failed);
  std::ifstream file(path, std::ios::binary);
  if (failed || !file) return Status::error(fmt::format("'{}': cannot be read", path));
  if (size > kMostBytes) return Status::error(fmt::format("'{}': {} bytes: at most {}", path, size, kMostBytes));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  Result<QConfig> config = QConfig::from_json(text);
  return config.ok() ? std::move(config) : Status::error(fmt::format("'{}': {}", path, config.status().message()));
}

}  // namespace

void QuantizeConfigFlags::add_to(CLI::App& command) {
  CLI::Option* named =
      command.add_option("--preset", preset, "octet, fbgemm, x86, qnnpack or onednn")->capture_default_str();
  command.add_option("--config", file, "JSON file with the configuration (docs/quantizing.md)")->excludes(named);
  command.add_option(
      "--observer", observer,
      "what chooses the ranges of activations: min_max, moving_average, histogram, percentile, entropy, mse");
  command.add_option("--weights", weights, "scales of weights: one per output channel or one per tensor")
      ->check(CLI::IsMember({"per_channel", "per_tensor"}));
  command.add_option("--keep-float", keep_float, "nodes to leave in fp32: a name with * and ?, may be given again")
      ->expected(1)
      ->take_all();
}

Result<QConfig> QuantizeConfigFlags::config() const {
  Result<QConfig> config = file.empty() ? QConfig::preset(preset) : read_config(file);
  if (!config.ok()) return config;
  if (!observer.empty()) {
    const Result<ObserverKind> kind = find_observer(observer);
    if (!kind.ok()) return kind.status();
    config->observer.kind = *kind;
  }
  if (!weights.empty()) config->weight.per_channel = weights == "per_channel";
  for (const std::string& pattern : keep_float) config->keep_float(pattern);
  return config;
}

}  // namespace octet::tools
