// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/export.h>
#include <octet/model.h>
#include <octet/quantize.h>
#include <octet/session.h>
#include <octet/status.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace octet {

/// Samples that can be asked for more than once: what the tools below need beyond a Calibrator.
/// `get(i)` gives batch i of `count`, one tensor per input of the model; its views stay valid until the
/// next call. All batches have the same shapes.
struct Batches {
  std::int64_t count = 0;
  std::function<std::vector<NamedTensor>(std::int64_t)> get;
};

/// The same float function with the weights of neighbouring layers levelled (cross-layer equalization), so
/// that one scale serves all channels of a tensor: for models that are to have one scale per weight. Factors
/// go through Relu, LeakyRelu, pools and flattening, not through other functions. Behind a Relu6, channels
/// that reach 6 in `batches` keep their scale. To be done before calibration.
OCTET_API Result<Model> equalize(const Model& fp32, const Batches& batches);

/// The same float function with outliers moved from activations into weights (SmoothQuant): input channel c
/// of a Dense layer is divided by max|x_c|^alpha / max|w_c|^(1-alpha), its weights multiplied. The division is
/// absorbed by what computes x: a LayerNorm, a product or sum with constants, or another layer; an
/// input that cannot be divided so is left as it is. `alpha` in [0, 1]; to be done before calibration.
OCTET_API Result<Model> smooth(const Model& fp32, const Batches& batches, float alpha = 0.5F);

/// convert() with every bias corrected by the mean error that int8 makes in its channel over (at most 32 of) `batches`,
/// layer by layer, each with the layers before it already corrected. Weights that are rounded shift the mean of a
/// channel, most of all in depthwise layers; this takes the shift away and costs nothing at run time.
OCTET_API Result<Model> convert_corrected(const Calibrator& calibrator, const Batches& batches);

struct FastestOptions {
  bool bias_correction = true;             ///< as convert_corrected() does it
  std::string machine = "this machine";    ///< for the ledger: "faster in fp32 on <machine>"
  SessionOptions session{};                ///< what is timed
};

struct FastestReport {
  Model model;
  std::vector<std::string> kept_float;  ///< operators in fp32 because the model is faster so; maybe all
  double int8_ms = 0, fp32_ms = 0;      ///< one run with all in int8, and with all in fp32
  double chosen_ms = 0;                 ///< of `model`, as measured beside the faster of the two
};

/// convert() for speed on this machine: operators stay in fp32 where the whole network is faster for it, conversions at
/// their borders included; the result was measured to be no slower than all in int8 and than all in fp32. Measured
/// once, here: which operators are int8 is then part of the model, wherever it runs. `batches` are for bias
/// correction alone. Fails where the model cannot be run with 1 in place of unknown sizes.
OCTET_API Result<FastestReport> convert_fastest(const Calibrator& calibrator, const Batches& batches,
                                                const FastestOptions& options = {});

/// How good a model is; more is better. Percent of right answers, say.
using Score = std::function<Result<double>(const Model&)>;

struct TuneOptions {
  double max_drop = 0.5;    ///< how far below the float model's score the result may be
  double least_int8 = 0.9;  ///< the share of multiply-accumulates that must be int8
  QConfig config{};         ///< what is tried first, and what stays where nothing else is said
};

/// One configuration that tune() has tried.
struct TuneStep {
  std::string what;  ///< "mse, equalized, bias correction, 2 operators in fp32"
  double score = 0;
  double int8_share = 0;  ///< of the multiply-accumulates, in [0, 1]
};

struct TuneReport {
  Model model;  ///< the best one
  TuneStep best;
  QConfig config;  ///< of the best one, its rules for operators in fp32 included
  bool equalized = false;
  std::vector<std::string> kept_float;  ///< operators in fp32 because the score asked for it
  double fp32_score = 0;
  bool reached = false;         ///< max_drop and least_int8 are both kept
  std::vector<TuneStep> steps;  ///< in the order in which they were tried
};

/// Looks for the quantized model with the fewest operators in fp32 that keeps the score: first with all in int8
/// by several observers, with and without equalization, then by giving the operators whose rounding shows
/// most in the output back to fp32 one by one, and taking back those that turn out to be unneeded. `score`
/// must judge by samples other than `calibration`.
OCTET_API Result<TuneReport> tune(const Model& fp32, const Batches& calibration, const Score& score,
                                  const TuneOptions& options = {});

}  // namespace octet
