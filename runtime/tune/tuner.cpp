// SPDX-License-Identifier: Apache-2.0
// tune(): all in int8 first, by one observer after the other; then operators back to fp32, one by one.
#include <fmt/format.h>
#include <octet/tune.h>

#include <algorithm>
#include <optional>

#include "graph/quantize/convert.h"
#include "runtime/calibrator.h"
#include "runtime/float_environment.h"
#include "runtime/tune/bias_correction.h"
#include "runtime/tune/sensitivity.h"

namespace octet {
namespace {

// A way to quantize, before anything is kept in fp32.
struct Recipe {
  ObserverKind observer;
  bool equalized;
};

// A quantized model and how it came about.
struct Candidate {
  Model model;
  Recipe recipe;
  std::vector<std::string> kept_float;
  TuneStep step;
  double drop;
  bool reached;
};

class Tuner {
 public:
  Tuner(const Model& fp32, const Batches& calibration, const Score& score, const TuneOptions& options)
      : fp32_(fp32), calibration_(calibration), score_(score), options_(options) {}

  Result<TuneReport> run() {
    Result<double> reference = score_(fp32_);
    if (!reference.ok()) return reference.status();
    fp32_score_ = *reference;
    Result<Model> equal = equalize(fp32_, calibration_);
    if (!equal.ok()) return equal.status();
    equalized_ = std::move(*equal);

    std::optional<Candidate> best;
    for (const Recipe& recipe : recipes()) {
      if (Status status = attempt(recipe, {}, best); !status.ok()) return status;
      if (best->reached) return report(*best);
    }
    if (Status status = return_to_float(best); !status.ok()) return status;
    return report(*best);
  }

 private:
  // The configuration's own observer first, since what reaches the score first is kept.
  std::vector<Recipe> recipes() const {
    std::vector<Recipe> all;
    for (bool equal : {false, true}) {
      all.push_back({options_.config.observer.kind, equal});
      for (ObserverKind kind :
           {ObserverKind::min_max, ObserverKind::mse, ObserverKind::percentile, ObserverKind::entropy}) {
        if (kind != options_.config.observer.kind) all.push_back({kind, equal});
      }
    }
    return all;
  }

  QConfig config_of(const Recipe& recipe, const std::vector<std::string>& kept_float) const {
    QConfig config = options_.config;
    config.observer.kind = recipe.observer;
    for (const std::string& name : kept_float) config.keep_float(name);
    return config;
  }

  Result<Calibrator> calibrated(const Recipe& recipe, const std::vector<std::string>& kept_float) const {
    const Model& model = recipe.equalized ? equalized_.value() : fp32_;
    Result<Calibrator> calibrator = Calibrator::create(model, config_of(recipe, kept_float));
    for (std::int64_t b = 0; calibrator.ok() && b < calibration_.count; ++b) {
      const std::vector<NamedTensor> batch = calibration_.get(b);
      if (Status status = calibrator->observe(batch); !status.ok()) return status;
    }
    return calibrator;
  }

  // Tries one configuration and makes it the best one if it is better.
  Status attempt(const Recipe& recipe, const std::vector<std::string>& kept_float, std::optional<Candidate>& best) {
    Result<Calibrator> calibrator = calibrated(recipe, kept_float);
    if (!calibrator.ok()) return calibrator.status();
    Result<Model> int8 = convert_corrected(*calibrator, calibration_);
    if (!int8.ok()) return int8.status();
    const Result<double> score = score_(*int8);
    if (!score.ok()) return score.status();
    const Result<double> share = runtime::int8_share(*int8, calibration_);
    if (!share.ok()) return share.status();
    std::string what =
        fmt::format("{}{}, bias correction", name_of(recipe.observer), recipe.equalized ? ", equalized" : "");
    if (!kept_float.empty()) what += fmt::format(", {} in fp32", fmt::join(kept_float, " and "));
    Candidate made{*int8, recipe, kept_float, {std::move(what), *score, *share}, fp32_score_ - *score, false};
    made.reached = made.drop <= options_.max_drop && *share >= options_.least_int8;
    steps_.push_back(made.step);
    if (!best || is_better(made, *best)) best.emplace(std::move(made));
    return {};
  }

  bool is_better(const Candidate& a, const Candidate& b) const {
    if (a.reached != b.reached) return a.reached;
    if (a.reached && a.kept_float.size() != b.kept_float.size()) return a.kept_float.size() < b.kept_float.size();
    const bool a_fits = a.step.int8_share >= options_.least_int8, b_fits = b.step.int8_share >= options_.least_int8;
    if (a_fits != b_fits) return a_fits;
    return a.step.score > b.step.score;
  }

  // From the best model with all in int8: operators in the order in which they disturb the output, until the
  // score is reached or too few multiply-accumulates would be left; then without each of them again.
  Status return_to_float(std::optional<Candidate>& best) {
    const Recipe recipe = best->recipe;
    Result<Calibrator> calibrator = calibrated(recipe, {});
    if (!calibrator.ok()) return calibrator.status();
    Result<std::vector<runtime::Suspect>> suspects = runtime::rank_operators(*calibrator, calibration_);
    if (!suspects.ok()) return suspects.status();
    std::vector<std::string> kept;
    double share = best->step.int8_share;
    for (const runtime::Suspect& suspect : *suspects) {
      const double left = share - suspect.macs_share;
      if (left < options_.least_int8 || left < 1e-9) continue;  // something must stay int8
      kept.push_back(suspect.name);
      if (Status status = attempt(recipe, kept, best); !status.ok()) return status;
      share = steps_.back().int8_share;
      if (best->reached) break;
    }
    for (std::size_t i = 0; best->reached && best->kept_float.size() > 1 && i < kept.size(); ++i) {
      std::vector<std::string> fewer = best->kept_float;
      std::erase(fewer, kept[i]);
      if (Status status = attempt(recipe, fewer, best); !status.ok()) return status;
    }
    return {};
  }

  TuneReport report(const Candidate& best) const {
    return {best.model,
            best.step,
            config_of(best.recipe, best.kept_float),
            best.recipe.equalized,
            best.kept_float,
            fp32_score_,
            best.reached,
            steps_};
  }

  const Model& fp32_;
  const Batches& calibration_;
  const Score& score_;
  const TuneOptions& options_;
  std::optional<Model> equalized_;
  double fp32_score_ = 0;
  std::vector<TuneStep> steps_;
};

}  // namespace

Result<TuneReport> tune(const Model& fp32, const Batches& calibration, const Score& score, const TuneOptions& options) {
  const runtime::FloatEnvironment environment;
  if (calibration.count < 1) return Status::error("tuning needs at least one batch of samples to calibrate with");
  if (!(options.max_drop >= 0)) {
    return Status::error(fmt::format("largest drop {}: must be 0 or more", options.max_drop));
  }
  if (!(options.least_int8 >= 0 && options.least_int8 <= 1)) {
    return Status::error(fmt::format("least share of int8 {}: must be between 0 and 1", options.least_int8));
  }
  return Tuner(fp32, calibration, score, options).run();
}

}  // namespace octet
