// SPDX-License-Identifier: Apache-2.0
#include "tools/report/document.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <cmath>
#include <ctime>
#include <nlohmann/json.hpp>
#include <string_view>

#include "tools/command.h"

namespace octet::tools {

extern const char* const report_page;  // report.html, put into the program by the build

namespace {

using nlohmann::json;

json finite(double x) { return std::isfinite(x) ? json(x) : json(nullptr); }

json range_json(Range range) { return {range.min, range.max}; }

std::string output_text(const OpInfo& op) {
  const TensorInfo& info = op.outputs[0];
  std::string text = fmt::format("{}{}", name_of(info.dtype), to_string(info.shape));
  const Quant& quant = op.output_quant[0];
  if (!quant.scale.empty() && quant.per_tensor()) {
    text += fmt::format(" s={:.4g} z={}", quant.scale[0], quant.zero_point[0]);
  }
  return text;
}

json names_json(const std::vector<TensorInfo>& infos) {
  json names = json::array();
  for (const TensorInfo& info : infos) names.push_back(info.name);
  return names;
}

json layers_json(const LayerTable& table) {
  json layers = to_json(table)["layers"];
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const OpInfo& op = table.layers[i].op;
    layers[i]["reason"] = op.reason;
    layers[i]["inputs"] = names_json(op.inputs);
    layers[i]["outputs"] = names_json(op.outputs);
    layers[i]["output"] = output_text(op);
    const double gmacs = layers[i]["gmacs"];
    layers[i]["peak"] = table.peak_gmacs > 0 ? gmacs / (table.peak_gmacs * table.threads) : 0.0;
  }
  return layers;
}

json accuracy_json(const std::vector<OpComparison>& ops) {
  json list = json::array();
  for (const OpComparison& op : ops) {
    list.push_back({{"name", op.name},
                    {"op", op.op},
                    {"sqnr_db", finite(op.sqnr_db)},
                    {"cosine", op.cosine},
                    {"max_error", op.max_error},
                    {"clipped", op.clipped},
                    {"source", op.enters}});
  }
  return list;
}

json activations_json(const std::vector<ObservedTensor>& activations) {
  json list = json::array();
  for (const ObservedTensor& tensor : activations) {
    list.push_back({{"name", tensor.name},
                    {"observer", name_of(tensor.observer)},
                    {"seen", range_json(tensor.seen)},
                    {"chosen", range_json(tensor.chosen)},
                    {"clipped_share", tensor.clipped_share},
                    {"min_sample", tensor.min_sample},
                    {"max_sample", tensor.max_sample},
                    {"shares", tensor.shares}});
  }
  return list;
}

double macs_of(const LayerTable& table, std::string_view precision) {
  double macs = 0;
  for (const LayerTime& layer : table.layers) macs += layer.op.precision.starts_with(precision) ? layer.op.macs : 0;
  return macs;
}

json summary_json(const ReportFacts& facts) {
  const LayerTable& table = facts.layers;
  const auto percent = [](const std::optional<Accuracy>& accuracy) {
    return accuracy ? json(accuracy->top1 / 100) : json(nullptr);
  };
  return {{"fp32_ms", table.fp32_whole_us / 1e3},
          {"int8_ms", table.whole_us / 1e3},
          {"speed_up", table.fp32_whole_us / table.whole_us},
          {"threads", table.threads},
          {"macs", macs_of(table, "")},
          {"int8_macs", macs_of(table, "int8")},
          {"fp32_weight_bytes", facts.fp32_weight_bytes},
          {"int8_weight_bytes", facts.int8_weight_bytes},
          {"fp32_arena_bytes", facts.fp32_arena_bytes},
          {"int8_arena_bytes", facts.int8_arena_bytes},
          {"top1_fp32", percent(facts.fp32_accuracy)},
          {"top1_int8", percent(facts.int8_accuracy)}};
}

// Pairs, not an object: the order is the order of the rows.
json environment_json(const ReportFacts& facts) {
  const auto row = [](const char* name, std::string value) { return json::array({name, std::move(value)}); };
  return json::array({row("date", fmt::format("{:%Y-%m-%d}", fmt::localtime(std::time(nullptr)))),
                      row("machine", cpu_name()), row("octet", OCTET_VERSION),
                      row("int8 backend", facts.layers.backend),
                      row("measured peak of one core", fmt::format("{:.0f} GMAC/s", facts.layers.peak_gmacs)),
                      row("compiler", __VERSION__), row("calibration", fmt::format("{} samples", facts.samples))});
}

}  // namespace

json report_document(const ReportFacts& facts) {
  return {
      {"model", facts.model},
      {"sentence", fmt::format("Quantized from {} samples, timed on {} with {} thread{}. Accuracy figures, where "
                               "there are any, are of these same samples.",
                               facts.samples, cpu_name(), facts.layers.threads, facts.layers.threads == 1 ? "" : "s")},
      {"summary", summary_json(facts)},
      {"where", where_text(facts.layers)},
      {"layers", layers_json(facts.layers)},
      {"accuracy", accuracy_json(facts.comparison)},
      {"activations", activations_json(facts.activations)},
      {"environment", environment_json(facts)}};
}

std::string report_html(const json& document) {
  // Names may hold anything, also "</script>" and bytes that are no UTF-8.
  std::string text = document.dump(-1, ' ', false, json::error_handler_t::replace);
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos;) text.replace(at, 1, "\\u003c");
  std::string page = report_page;
  constexpr std::string_view kPlaceholder = "OCTET_REPORT_DATA";
  return page.replace(page.find(kPlaceholder), kPlaceholder.size(), text);
}

}  // namespace octet::tools
