// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/explain.h>

#include <algorithm>

namespace octet {
namespace {

constexpr std::size_t kMostTaps = 64;  // a 3x3 of 7 channels; the JSON holds all of them

std::string tap_text(const Explanation::Tap& tap) {
  std::string text = fmt::format("  x{} = {}", tap.input_at, tap.input);
  if (tap.weight_at.empty()) return text;
  text += fmt::format("  *  w{} = {}", tap.weight_at, tap.weight);
  if (tap.float_weight) text += fmt::format(" ({:.9g})", *tap.float_weight);
  return text + fmt::format("  =  {}", tap.product);
}

}  // namespace

std::string to_text(const Explanation& e) {
  constexpr const char* kModes[] = {"fixed", "float", "float-qnnpack"};
  std::string text = fmt::format("{}[{}] ({}), rounding mode {}\n", e.node, fmt::join(e.index, ","), e.op,
                                 kModes[static_cast<std::size_t>(e.requant)]);
  for (const Explanation::Operand& operand : e.operands) {
    text += fmt::format("{:12} {} '{}': real = {:.9g} * (code - {})\n", operand.role, name_of(operand.dtype),
                        operand.name, operand.scale, operand.zero_point);
  }
  for (std::size_t i = 0; i < std::min(e.taps.size(), kMostTaps); ++i) text += tap_text(e.taps[i]) + "\n";
  if (e.taps.size() > kMostTaps) text += fmt::format("  ... and {} more taps\n", e.taps.size() - kMostTaps);
  if (e.padding_taps > 0) text += fmt::format("  {} taps lie in the padding and add nothing\n", e.padding_taps);
  for (const Explanation::Step& step : e.steps)
    text += fmt::format("{:16} {:44} = {}\n", step.name, step.formula, step.value);
  if (e.fp32) {
    text += fmt::format("the float model has {:.9g} here, {:+.3g} from this value\n", *e.fp32, *e.fp32 - e.real);
  }
  if (!e.alternatives.empty()) text += "the same input codes by each rule:\n";
  for (const Explanation::Alternative& other : e.alternatives) {
    text += fmt::format("  {:14} {:>4}  {:<12.9g} {}{}\n", other.rule, other.code, other.real, other.who,
                        other.reason.empty() ? "" : ": " + other.reason);
  }
  for (const std::string& note : e.notes) text += "note: " + note + "\n";
  return text;
}

}  // namespace octet
