// SPDX-License-Identifier: Apache-2.0
// convert_fastest(): clocks for the decision in plan_choice.h.
#include <octet/tune.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <map>
#include <thread>

#include "graph/quantize/convert.h"
#include "runtime/calibrator.h"
#include "runtime/float_environment.h"
#include "runtime/tune/bias_correction.h"
#include "runtime/tune/plan_choice.h"

namespace octet {
namespace {

using runtime::KeptFloat;

// Calls visit(part) for the names that fusion has joined in an operator's.
template <class Visit>
void for_each_part(const std::string& name, Visit visit) {
  for (std::size_t from = 0; from <= name.size();) {
    const std::size_t to = std::min(name.find('+', from), name.size());
    visit(name.substr(from, to - from));
    from = to + 1;
  }
}

class Fastest {
 public:
  Fastest(const Calibrator::Impl& calibrated, const FastestOptions& options)
      : calibrated_(calibrated), options_(options), ranges_(calibrated.chosen_ranges()) {}

  Result<FastestReport> run(const Batches& batches) {
    const Result<std::vector<runtime::OpTimes>> ops = time_operators();
    if (!ops.ok()) return ops.status();
    for (const runtime::OpTimes& op : *ops) choices_.insert(op.name);
    const Result<runtime::PlanChoice> choice =
        runtime::choose_plan(*ops, [this](const KeptFloat& a, const KeptFloat& b) { return compare(a, b); });
    if (!choice.ok()) return choice.status();
    Result<Model> model = final_model(choice->kept, batches);
    if (!model.ok()) return model.status();
    return FastestReport{std::move(*model),
                         {choice->kept.begin(), choice->kept.end()},
                         1e3 * choice->all_int8.first,
                         1e3 * choice->all_fp32.first,
                         1e3 * choice->all_fp32.second};
  }

 private:
  QConfig config_with(const KeptFloat& kept) const {
    QConfig config = calibrated_.config;
    for (const std::string& name : kept) config.keep_float(name);
    return config;
  }

  bool is_all(const KeptFloat& kept) const { return !kept.empty() && kept == choices_; }

  Result<Model> converted(const graph::Graph& source, const std::vector<Range>& ranges, const KeptFloat& kept) const {
    graph::Graph graph = source;
    if (!is_all(kept)) {
      Result<graph::Graph> int8 = graph::convert(source, ranges, config_with(kept));
      if (!int8.ok()) return int8.status();
      graph = std::move(*int8);
    }
    for (graph::Node& node : graph.nodes) {
      if (kept.contains(node.name)) node.reason = "faster in fp32 on " + options_.machine;
    }
    return runtime::make_model(std::move(graph), calibrated_.model.impl().float_prepare);
  }

  Result<Model> final_model(const KeptFloat& kept, const Batches& batches) const {
    const graph::Graph& source = calibrated_.model.impl().graph;
    if (!options_.bias_correction || is_all(kept)) return converted(source, ranges_, kept);
    const QConfig config = config_with(kept);
    const Result<graph::Graph> corrected = runtime::correct_biases(calibrated_.model, ranges_, config, batches);
    if (!corrected.ok()) return corrected.status();
    std::vector<Range> ranges = ranges_;
    ranges.resize(corrected->values.size());
    return converted(*corrected, ranges, kept);
  }

  // Latency does not depend on the values, as long as they are neither denormal nor all alike.
  Result<Session> session_of(const Model& model) const {
    Result<Session> session = Session::create(model, options_.session);
    for (std::size_t i = 0; session.ok() && i < session->inputs().size(); ++i) {
      float value = 0;
      for (float& x : session->input<float>(i)) x = value = value < 1 ? value + 0.0625F : 0;
    }
    return session;
  }

  static double seconds_of_run(Session& session) {
    const auto start = std::chrono::steady_clock::now();
    session.run();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  // The fastest of many runs, some of each in turn: what the code costs, and not its surroundings.
  Result<runtime::TwoTimes> compare(const KeptFloat& a, const KeptFloat& b) const {
    const graph::Graph& source = calibrated_.model.impl().graph;
    std::vector<Session> sessions;
    for (const KeptFloat* kept : {&a, &b}) {
      const Result<Model> model = converted(source, ranges_, *kept);
      if (!model.ok()) return model.status();
      Result<Session> session = session_of(*model);
      if (!session.ok()) return session.status();
      session->run();
      sessions.push_back(std::move(*session));
    }
    double best[2] = {1e9, 1e9}, spent = 0;
    for (int turn = 0; turn < 3 || (turn < 12 && spent < 0.3); ++turn) {
      for (std::size_t i : {0, 1}) {
        // Threads of the plan before may still spin on the cores that this one's need.
        if (sessions[i].threads() > 1) std::this_thread::sleep_for(std::chrono::milliseconds(20));
        seconds_of_run(sessions[i]);
        for (int run = 0; run < 5; ++run) {
          const double seconds = seconds_of_run(sessions[i]);
          best[i] = std::min(best[i], seconds);
          spent += seconds;
        }
      }
    }
    return runtime::TwoTimes{best[0], best[1]};
  }

  static std::map<std::string, double> fastest_ops(Session& session) {
    std::vector<double> best(session.ops().size(), std::numeric_limits<double>::max());
    for (int run = 0; run < 8; ++run) {
      std::vector<double> seconds(best.size());
      session.run(seconds);
      for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], seconds[i]);
    }
    std::map<std::string, double> by_name;
    for (std::size_t i = 0; i < best.size(); ++i) by_name[session.ops()[i].name] += best[i];
    return by_name;
  }

  // Each operator that has a name and an int8 form. In fp32 as it runs inside a quantized model, by octet's own
  // kernels: an all-float model runs through oneDNN, but is compared as a whole.
  Result<std::vector<runtime::OpTimes>> time_operators() const {
    const graph::Graph& source = calibrated_.model.impl().graph;
    Result<Model> int8_model = converted(source, ranges_, {});
    if (!int8_model.ok()) return int8_model.status();
    Result<Session> int8 = session_of(*int8_model);
    if (!int8.ok()) return int8.status();
    Result<Session> fp32 = session_of(runtime::make_model(source, nullptr));
    if (!fp32.ok()) return fp32.status();
    std::map<std::string, double> fp32_seconds = fastest_ops(*fp32), int8_seconds = fastest_ops(*int8);
    std::vector<runtime::OpTimes> ops;
    for (const OpInfo& op : int8->ops()) {
      if (!op.precision.starts_with("int8") || op.op == "Dequantize" || op.op == "Requantize") continue;
      const auto seconds = int8_seconds.find(op.name);
      if (seconds == int8_seconds.end()) continue;  // counted already
      double left = seconds->second;
      int8_seconds.erase(seconds);
      for_each_part(op.name, [&](const std::string& part) {
        const auto found = fp32_seconds.find(part);
        if (part.empty() || found == fp32_seconds.end()) return;
        ops.push_back({part, left, found->second});
        left = 0;  // what is fused into an operator costs nothing in int8
      });
    }
    return ops;
  }

  const Calibrator::Impl& calibrated_;
  const FastestOptions& options_;
  std::vector<Range> ranges_;
  KeptFloat choices_;
};

}  // namespace

Result<FastestReport> convert_fastest(const Calibrator& calibrator, const Batches& batches,
                                      const FastestOptions& options) {
  const runtime::FloatEnvironment environment;
  return Fastest(calibrator.impl(), options).run(batches);
}

}  // namespace octet
