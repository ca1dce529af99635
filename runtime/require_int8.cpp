// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <octet/ledger.h>

#include <algorithm>

namespace octet {
namespace {

// Linear in practice: a star is only revisited until the next one.
bool matches(std::string_view pattern, std::string_view name) {
  std::size_t p = 0, n = 0, star = std::string_view::npos, resume = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] == name[n] && pattern[p] != '*'))) {
      ++p, ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = n;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      n = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

}  // namespace

std::string reason_code(const OpInfo& op) {
  if (op.precision.starts_with("int8") && op.op != "Dequantize") return {};
  if (op.op == "Quantize" || op.op == "Dequantize" || op.op == "Requantize" || op.op == "DynamicQuantize")
    return "border";
  const auto is_float = [](const TensorInfo& info) { return info.dtype == DType::f32; };
  if (std::ranges::none_of(op.inputs, is_float) && std::ranges::none_of(op.outputs, is_float)) return "integer";
  if (op.reason == "the model is not quantized") return "not-quantized";
  return contains(op.reason, "int8 rule") || contains(op.reason, "int8 form") ? "no-int8-form" : "float-neighbour";
}

Status require_int8(const Session& session, std::string_view pattern) {
  std::string list;
  int count = 0;
  for (const OpInfo& op : session.ops()) {
    const std::string code = reason_code(op);
    if (code.empty() || code == "border" || code == "integer" || !matches(pattern, op.name)) continue;
    list += fmt::format("\n  {} ({}): {}: {}", op.name, op.op, code, op.reason);
    ++count;
  }
  if (count == 0) return {};
  return Status::error(fmt::format("{} operator{} matching '{}' {} not int8:{}", count, count == 1 ? "" : "s", pattern,
                                   count == 1 ? "is" : "are", list));
}

}  // namespace octet
