// SPDX-License-Identifier: Apache-2.0
// What `octet quantize` does for accuracy beyond a calibration: each tool by itself, or --auto.
#pragma once

#include <octet/tune.h>

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "tools/command.h"

namespace octet::tools {

struct TuneFlags {
  bool equalize = false, automatic = false;
  std::optional<bool> bias_correction;  // what was said about it, if anything
  std::optional<float> smooth;
  std::vector<std::string> eval;
  std::string labels, plan = "int8";
  double max_drop = 0.5;

  void add_to(CLI::App& command);

  // The float model, equalized and smoothed as the flags say. `calibrate`: files of samples.
  Result<Model> prepared(const Model& fp32, const std::vector<std::string>& calibrate) const;
  Result<Model> converted(const Model& prepared_model, const Calibrator& calibrator,
                          const std::vector<std::string>& calibrate, bool by_default) const;
  // --auto, from the float model to the file `output`; an error if the accuracy was not reached, in which
  // case the best model is written nevertheless.
  Status run_auto(const Model& fp32, const QConfig& config, const std::vector<std::string>& calibrate,
                  const std::string& output, const JsonFlag& json) const;
};

}  // namespace octet::tools
