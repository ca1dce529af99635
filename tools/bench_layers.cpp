// SPDX-License-Identifier: Apache-2.0
#include "tools/bench_layers.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "tools/command.h"
#include "tools/peak.h"

namespace octet::tools {
namespace {

// What an operator's time is spent on. Borders and moves are the price of changing representation.
std::string kind_of(const OpInfo& op) {
  const bool is_border = op.op == "Quantize" || op.op == "Dequantize" || op.op == "Requantize";
  if (is_border || op.precision == "copy") return "conversions";
  if (op.precision == "fp32") return "fp32";
  return op.macs > 0 ? "kernels" : "elementwise";
}

// The times of a session's operators, run by run. What counts is the mean of the fastest quarter of the
// runs: a run that was interrupted says nothing, and means add up where medians do not.
class Watch {
 public:
  explicit Watch(Session* session) : session_(session) {}
  void run() {
    if (session_ == nullptr) return;
    Run& run = runs_.emplace_back(Run{0, std::vector<double>(session_->ops().size())});
    const double start = now_ms();
    session_->run(run.op_seconds);
    run.whole_us = 1e3 * (now_ms() - start);
  }
  void keep_fastest() {
    std::ranges::sort(runs_, {}, &Run::whole_us);
    runs_.resize((runs_.size() + 3) / 4);
  }
  double op_us(std::size_t op) const {
    double sum = 0;
    for (const Run& run : runs_) sum += 1e6 * run.op_seconds[op];
    return sum / static_cast<double>(runs_.size());
  }
  double whole_us() const {
    double sum = 0;
    for (const Run& run : runs_) sum += run.whole_us;
    return runs_.empty() ? 0 : sum / static_cast<double>(runs_.size());
  }

 private:
  struct Run {
    double whole_us;
    std::vector<double> op_seconds;
  };
  Session* session_;
  std::vector<Run> runs_;
};

// The float operators behind one int8 operator, whose name joins what was fused into it with '+'.
double fp32_time_of(const std::string& name, std::map<std::string, double>& by_name) {
  double sum = 0;
  for (std::size_t from = 0; from <= name.size();) {
    const std::size_t to = std::min(name.find('+', from), name.size());
    if (auto found = by_name.find(name.substr(from, to - from)); found != by_name.end()) {
      sum += found->second;
      by_name.erase(found);  // of two pieces of one float operator, the first gets its time
    }
    from = to + 1;
  }
  return sum;
}

double sum_of(const LayerTable& table, const std::string& kind) {
  double sum = 0;
  for (const LayerTime& layer : table.layers) sum += layer.kind == kind ? layer.us : 0;
  return sum;
}

double total_us(const LayerTable& table) {
  double sum = 0;
  for (const LayerTime& layer : table.layers) sum += layer.us;
  return sum;
}

// What n threads cost beyond one thread's work divided by n: waiting, waking, uneven slices.
double idle_us(const LayerTable& table) {
  double idle = 0;
  for (const LayerTime& layer : table.layers) {
    if (table.threads > 1) idle += std::max(0.0, layer.us - layer.one_thread_us / table.threads);
  }
  return idle;
}

// Every multiply-accumulate at the peak of every thread's core, nothing else counted.
double ideal_us(const LayerTable& table) {
  double macs = 0;
  for (const LayerTime& layer : table.layers) macs += layer.op.macs;
  return table.peak_gmacs > 0 ? macs / (table.peak_gmacs * 1e3 * table.threads) : 0;
}

double gmacs(const LayerTime& layer) { return layer.us > 0 ? layer.op.macs / layer.us * 1e-3 : 0; }

}  // namespace

LayerTable time_layers(const LayerSessions& sessions, int rounds) {
  Watch measured(sessions.measured), one_thread(sessions.one_thread), fp32(sessions.fp32);
  for (int i = 0; i < rounds; ++i) {
    measured.run();
    one_thread.run();
    fp32.run();
  }
  for (Watch* watch : {&measured, &one_thread, &fp32}) watch->keep_fastest();
  std::map<std::string, double> fp32_by_name;
  if (sessions.fp32 != nullptr) {
    for (std::size_t i = 0; i < sessions.fp32->ops().size(); ++i) {
      fp32_by_name[sessions.fp32->ops()[i].name] += fp32.op_us(i);
    }
  }
  LayerTable table;
  table.backend = sessions.measured->backend();
  table.threads = sessions.measured->threads();
  table.whole_us = measured.whole_us();
  table.fp32_whole_us = fp32.whole_us();
  table.peak_gmacs = measured_peak(table.backend);
  const auto ops = sessions.measured->ops();
  for (std::size_t i = 0; i < ops.size(); ++i) {
    LayerTime& layer = table.layers.emplace_back(LayerTime{ops[i], kind_of(ops[i]), measured.op_us(i), 0, 0});
    layer.fp32_us = fp32_time_of(ops[i].name, fp32_by_name);
    if (sessions.one_thread != nullptr) layer.one_thread_us = one_thread.op_us(i);
  }
  return table;
}

void print(const LayerTable& table) {
  const bool has_fp32 = table.fp32_whole_us > 0, has_peak = table.peak_gmacs > 0;
  fmt::print("\n{:>9} {:>9} {:>8} {:>6}  {:13} {:28} {}   ({}, {} thread{})\n", has_fp32 ? "fp32 us" : "", "us",
             "GMAC/s", has_peak ? "peak" : "", "op", "kernel", "name", table.backend, table.threads,
             table.threads == 1 ? "" : "s");
  for (const LayerTime& layer : table.layers) {
    const bool has_macs = layer.op.macs > 0 && layer.us > 0;
    fmt::print(
        "{:>9} {:>9.1f} {:>8} {:>6}  {:13} {:28} {}\n", layer.fp32_us > 0 ? fmt::format("{:.1f}", layer.fp32_us) : "",
        layer.us, has_macs ? fmt::format("{:.1f}", gmacs(layer)) : "",
        has_macs && has_peak ? fmt::format("{:.0f} %", 100 * gmacs(layer) / (table.peak_gmacs * table.threads)) : "",
        layer.op.op, layer.op.kernel, layer.op.name);
  }
  fmt::print("{}\n", where_text(table));
}

std::string where_text(const LayerTable& table) {
  const double total = total_us(table);
  std::string text = fmt::format("layers {:.1f} us, whole runs {:.1f} us", total, table.whole_us);
  for (const char* kind : {"kernels", "elementwise", "conversions", "fp32"}) {
    const double us = sum_of(table, kind);
    if (us > 0) text += fmt::format("; {} {:.1f} us ({:.0f} %)", kind, us, 100 * us / total);
  }
  if (table.threads > 1)
    text += fmt::format("; idle threads {:.1f} us ({:.0f} %)", idle_us(table), 100 * idle_us(table) / total);
  if (table.peak_gmacs > 0) {
    text +=
        fmt::format("; best possible {:.1f} us: every multiply-accumulate at the measured peak of {:.0f} GMAC/s a core",
                    ideal_us(table), table.peak_gmacs);
  }
  return text;
}

nlohmann::json to_json(const LayerTable& table) {
  auto layers = nlohmann::json::array();
  for (const LayerTime& layer : table.layers) {
    layers.push_back({{"name", layer.op.name},
                      {"op", layer.op.op},
                      {"kernel", layer.op.kernel},
                      {"precision", layer.op.precision},
                      {"kind", layer.kind},
                      {"macs", layer.op.macs},
                      {"us", layer.us},
                      {"fp32_us", layer.fp32_us},
                      {"gmacs", gmacs(layer)}});
  }
  return {{"backend", table.backend},
          {"threads", table.threads},
          {"whole_us", table.whole_us},
          {"fp32_whole_us", table.fp32_whole_us},
          {"layers_us", total_us(table)},
          {"idle_us", idle_us(table)},
          {"best_possible_us", ideal_us(table)},
          {"peak_gmacs", table.peak_gmacs},
          {"layers", layers}};
}

}  // namespace octet::tools
