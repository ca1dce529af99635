// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/calibration_record.h"

#include <nlohmann/json.hpp>

namespace octet::graph {
namespace {

using Json = nlohmann::ordered_json;

Json ends(const Range& range) { return Json::array({range.min, range.max}); }

}  // namespace

std::map<std::string, std::string> calibration_record(const Calibrator& calibrator) {
  Json tensors = Json::array();
  for (const ObservedTensor& tensor : calibrator.provenance()) {
    tensors.push_back({{"name", tensor.name},
                       {"observer", name_of(tensor.observer)},
                       {"seen", ends(tensor.seen)},
                       {"chosen", ends(tensor.chosen)},
                       {"clipped", tensor.clipped_share}});
  }
  const Json record = {{"samples", calibrator.samples()},
                       {"config", Json::parse(calibrator.config().to_json())},
                       {"tensors", std::move(tensors)}};
  // Names come from files: what is not UTF-8 in them is replaced.
  return {{"calibration", record.dump(-1, ' ', false, Json::error_handler_t::replace)}};
}

}  // namespace octet::graph
