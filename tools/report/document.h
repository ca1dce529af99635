// SPDX-License-Identifier: Apache-2.0
// What the page of `octet report` shows, as the JSON that its script reads.
#pragma once

#include <octet/compare.h>
#include <octet/quantize.h>

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/bench_layers.h"
#include "tools/evaluation.h"

namespace octet::tools {

struct ReportFacts {
  std::string model;  // the file
  std::int64_t samples = 0;
  LayerTable layers;
  std::size_t fp32_weight_bytes = 0, fp32_arena_bytes = 0, int8_weight_bytes = 0, int8_arena_bytes = 0;
  std::optional<Accuracy> fp32_accuracy, int8_accuracy;
  std::vector<OpComparison> comparison;
  std::vector<ObservedTensor> activations;
};

nlohmann::json report_document(const ReportFacts& facts);
// The page with the document inside it, safe for every string that a model may contain.
std::string report_html(const nlohmann::json& document);

}  // namespace octet::tools
