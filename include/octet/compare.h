// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/export.h>
#include <octet/model.h>
#include <octet/quantize.h>
#include <octet/session.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace octet {

/// Where an operator's error comes from, each the RMS of one part over the RMS of the float result.
/// The parts are differences of neighbours in a chain from the float result to the int8 result, so
/// that their values (not their RMS) sum to the whole error.
struct ErrorParts {
  double input = 0;           ///< the exact float inputs rounded to this operator's codes, nothing else
  double upstream = 0;        ///< what the inputs carry beyond that from the operators before
  double weights = 0;         ///< weights and bias rounded to codes
  double requantization = 0;  ///< the result rounded and clipped to the output's codes
};

/// How far one operator's result is from the float model's.
struct OpComparison {
  std::string name;        ///< the node's name in the int8 model
  std::string op;          ///< "Conv2d", ...
  std::string precision;   ///< "int8", "fp32", "fp32->int8" ...
  std::string value;       ///< name of its output
  Shape shape;             ///< of that output, NCHW
  double sqnr_db = 0;      ///< 10 log10(sum y^2 / sum e^2); infinite where nothing differs
  double cosine = 1;       ///< of the angle between the two results
  double max_error = 0;    ///< largest |e|, in the units of the value
  double clipped = 0;      ///< share of codes whose real result lies beyond the range that codes have
  bool has_parts = false;  ///< false: the two models write this operator differently
  ErrorParts parts;
  std::string enters;         ///< the largest part: "input", "weights", "requantization" or "upstream"
  bool worst = false;         ///< the lowest SQNR of all operators
  bool uncalibrated = false;  ///< its output has scale 1 and zero point 0, as if nothing had been observed
};

/// Runs a float model and its int8 form side by side. Streaming: only sums are kept.
class OCTET_API Comparison {
 public:
  /// Operators are matched by name, else by the name of their result, else by their order where both
  /// models have the same sequence of operators. Refused: models of which no operator matches.
  static Result<Comparison> create(const Model& fp32, const Model& int8, const SessionOptions& options = {});
  Comparison(Comparison&&) noexcept;
  Comparison& operator=(Comparison&&) noexcept;
  ~Comparison();

  /// One batch; all batches must have the same shape.
  Status add(std::span<const NamedTensor> inputs);
  /// In execution order; empty before the first add().
  std::vector<OpComparison> ops() const;

 private:
  struct Impl;
  explicit Comparison(std::unique_ptr<Impl> impl) noexcept;
  std::unique_ptr<Impl> impl_;
};

}  // namespace octet
