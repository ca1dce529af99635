// SPDX-License-Identifier: Apache-2.0
// Sentences for the questions that numbers like these make people ask.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "runtime/explain/chain.h"

namespace octet::runtime {
namespace {

// Distance of v from the nearest middle between two codes.
double distance_to_tie(double v) { return std::abs(v - (std::floor(v) + 0.5)); }

double four_digits(double x) { return std::nearbyint(x * 1e4) / 1e4; }

// FBGEMM keeps the bias as a float: acc and bias meet in f32.
void add_fbgemm(const Site& site, const SumFacts& f) {
  const float raw = static_cast<float>(f.acc - f.bias) + static_cast<float>(f.real_bias) / (f.sx * f.sw);
  const float v = raw * (f.sx * f.sw / f.so);
  const auto rounded = static_cast<std::int64_t>(std::nearbyint(std::clamp(static_cast<double>(v), -1e9, 1e9)));
  const auto code =
      static_cast<std::int32_t>(std::clamp<std::int64_t>(rounded + f.codes.zero_point, f.range.min, f.range.max));
  const bool same = code == site.out.code;
  site.out.alternatives.push_back({"fbgemm", "PyTorch's fbgemm engine", code,
                                   f.so * static_cast<float>(code - f.codes.zero_point),
                                   same ? ""
                                        : fmt::format("it adds the bias as a float ({:.6g} units) instead of {} units",
                                                      f.real_bias / (static_cast<double>(f.sx) * f.sw), f.bias)});
}

void note_printed_digits(const Site& site, const SumFacts& f) {
  const double sx = four_digits(f.sx), sw = four_digits(f.sw), so = four_digits(f.so), b = four_digits(f.real_bias);
  if (sx == 0 || sw == 0 || so == 0) return;
  const double acc = static_cast<double>(f.acc - f.bias) + std::nearbyint(b / (sx * sw));
  const double v = acc * sx * sw / so;
  const double code = std::clamp(std::nearbyint(v) + f.codes.zero_point, static_cast<double>(f.range.min),
                                 static_cast<double>(f.range.max));
  if (code == site.out.code) return;
  site.out.notes.push_back(fmt::format(
      "With scales of four digits after the point, as they are often printed ({:.4f}, {:.4f}, {:.4f}), the same "
      "arithmetic gives {:.4f} -> {}: only the full scales reproduce a code.",
      sx, sw, so, v, code));
}

void note_shared_codes(const Site& site, const SumFacts& f) {
  const double gain = std::abs(static_cast<double>(f.heaviest_weight) * f.factor.real);
  if (f.heaviest_weight == 0 || gain >= 1 || gain < 0.5) return;
  for (const int step : {-1, 1}) {
    const std::int32_t neighbour = f.heaviest_input + step;
    if (neighbour < f.input_range.min || neighbour > f.input_range.max) continue;
    const std::int32_t code = code_of(site.mode, f.acc + step * f.heaviest_weight, f.factor, f.codes, f.range);
    if (code != site.out.code) continue;
    site.out.notes.push_back(fmt::format(
        "One step of the input code moves the result by {:.6g} codes, less than one, so some neighbours share a "
        "code: input {} gives {} as well.",
        gain, neighbour, code));
    return;
  }
}

void note_clipped_weights(const Site& site, const SumFacts& f) {
  for (const Explanation::Tap& tap : site.out.taps) {
    if (!tap.float_weight) continue;
    const double steps = static_cast<double>(*tap.float_weight) / f.sw;
    const double lost = steps - tap.weight;
    if (std::abs(lost) < 0.4999 || (tap.weight != 127 && tap.weight != -128)) continue;
    site.out.notes.push_back(fmt::format(
        "Weight {:.9g} is {:.6g} steps of its scale and became {}, half a step or more away: a scale of max|w|/127.5 "
        "has no code for the largest weight; max|w|/127 (weights on [-127, 127], the default of octet quantize) has.",
        *tap.float_weight, steps, tap.weight));
    return;
  }
}

}  // namespace

void note_sum(const Site& site, const SumFacts& facts) {
  if (site.node.op != graph::Op::MatMul) add_fbgemm(site, facts);
  note_printed_digits(site, facts);
  note_shared_codes(site, facts);
  note_clipped_weights(site, facts);
}

void note_operands(Explanation& explanation) {
  for (const Explanation::Operand& operand : explanation.operands) {
    if (operand.scale != 1 || operand.zero_point != 0 || operand.role == "weights") continue;
    explanation.notes.push_back(fmt::format(
        "'{}' ({}) has scale 1 and zero point 0: every value is rounded to a whole number. PyTorch writes exactly this "
        "where a model was converted without showing it a sample; calibrate it again.",
        operand.name, operand.role));
  }
}

std::string reason_for(const Explanation& explanation, RequantMode rule, std::int32_t code) {
  if (code == explanation.code) return {};
  const double away = distance_to_tie(explanation.exact);
  if (away < 1e-12 * std::max(1.0, std::abs(explanation.exact))) {
    return fmt::format("{:.9g} lies exactly between two codes: fixed rounds up, the float rules to even",
                       explanation.exact);
  }
  if (away < 1e-5 * std::max(1.0, std::abs(explanation.exact))) {
    return fmt::format(
        "{:.9g} is {:.1e} from the middle between two codes, where the f32 multiplier falls on the other side",
        explanation.exact, away);
  }
  return rule == RequantMode::floating_qnnpack ? "it multiplies by f32(1/scale), also for the bias, instead of dividing"
                                               : "it computes in f32, this rule in integers";
}

}  // namespace octet::runtime
