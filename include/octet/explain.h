// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/export.h>
#include <octet/model.h>
#include <octet/quantize.h>
#include <octet/session.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// Which number shall be explained.
struct OCTET_API ExplainQuery {
  std::string node;                 ///< an operator's name, or the name of a value
  std::vector<std::int64_t> index;  ///< one entry per axis of its output, in the model's own layout (NCHW)

  /// From "NODE[0,3,5,7]"; refused if it is not of that form.
  static Result<ExplainQuery> parse(std::string_view text);
};

/// The whole arithmetic of one output value of one int8 operator.
struct Explanation {
  /// A quantized tensor that takes part: real = scale * (code - zero_point).
  struct Operand {
    std::string role;  ///< "input", "weights", "output" ...
    std::string name;
    DType dtype = DType::u8;
    float scale = 1;  ///< of the channel in question
    std::int32_t zero_point = 0;
  };
  /// One term of a sum: an input code and what it is multiplied by.
  struct Tap {
    std::string input_at, weight_at;         ///< "[0,3,5,7]"; weight_at is empty where there is no weight
    std::int32_t input = 0, weight = 0;      ///< codes as stored
    std::int64_t product = 0;                ///< input * weight
    std::optional<float> float_weight = {};  ///< before quantization, if the float model was given
  };
  /// One line of the chain: what is computed, how, and the result.
  struct Step {
    std::string name, formula, value;
  };
  /// What another rule makes of the same input codes.
  struct Alternative {
    std::string rule;  ///< "fixed", "float", ...
    std::string who;   ///< who computes so
    std::int32_t code = 0;
    double real = 0;
    std::string reason;  ///< why it differs from the code explained; empty if it does not
  };

  std::string node, op, output;
  std::vector<std::int64_t> index;
  RequantMode requant = RequantMode::fixed;
  std::vector<Operand> operands;
  std::vector<Tap> taps;
  std::int64_t padding_taps = 0;  ///< taps outside the input: they hold its zero point and add nothing
  std::vector<Step> steps;
  bool is_code = true;         ///< false: the operator's result is f32
  std::int32_t code = 0;       ///< the result, if is_code
  double real = 0;             ///< what it stands for
  double exact = 0;            ///< the real result of the same input codes before any rounding or clamp
  std::optional<double> fp32;  ///< what the float model computes at this place, if it was given
  std::vector<Alternative> alternatives;
  std::vector<std::string> notes;  ///< what is worth knowing about this value, one sentence each
};

struct ExplainOptions {
  SessionOptions session = {};  ///< backend and rounding; the shapes are those of the input
  const Model* fp32 = nullptr;  ///< the float model, for its value and weights; may be nullptr
};

/// Runs `model` on `inputs` and explains one value. The chain is computed anew in wide integers and
/// compared with what the session gave; a difference is an error, never a made-up explanation.
/// Refused: an unknown node, an index outside its output, an operator that computes in float.
OCTET_API Result<Explanation> explain(const Model& model, std::span<const NamedTensor> inputs,
                                      const ExplainQuery& query, const ExplainOptions& options = {});

/// The explanation as text, one line per step.
OCTET_API std::string to_text(const Explanation& explanation);

}  // namespace octet
