// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "graph/passes/clamp_of.h"
#include "runtime/explain/chain.h"

namespace octet::runtime {
namespace {

std::int64_t shifted(std::int64_t acc, const kernels::FixedScale& m) {
  return (acc * m.multiplier + (std::int64_t{1} << (m.shift - 1))) >> m.shift;
}

}  // namespace

std::string text_of(const Index& index) { return fmt::format("[{}]", fmt::join(index, ",")); }

Index index_of(const Shape& shape, std::int64_t offset) {
  Index index(static_cast<std::size_t>(shape.rank()));
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    index[static_cast<std::size_t>(axis)] = offset % shape[axis];
    offset /= shape[axis];
  }
  return index;
}

std::int64_t offset_of(const Shape& shape, const Index& index) {
  std::int64_t offset = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) offset = offset * shape[axis] + index[static_cast<std::size_t>(axis)];
  return offset;
}

kernels::Codes Site::use_input(std::size_t i, const std::string& role) const {
  const graph::Value& value = input(i);
  out.operands.push_back({role, value.name, value.dtype, value.quant.scale[0], value.quant.zero_point[0]});
  return {value.dtype, value.quant.scale[0], value.quant.zero_point[0]};
}

kernels::Codes Site::use_output() const {
  const graph::Value& value = output();
  out.operands.push_back({"output", value.name, value.dtype, value.quant.scale[0], value.quant.zero_point[0]});
  return {value.dtype, value.quant.scale[0], value.quant.zero_point[0]};
}

Factor factor_of(const std::string& formula, float sx, float sw, float so, RequantMode mode) {
  const double real = kernels::fixed_factor(sx, sw, so);
  return {formula, real, kernels::fixed_scale(real), kernels::floating_factor(sx, sw, so, mode)};
}

kernels::CodeRange range_of(const Site& site, const kernels::Codes& out) {
  const graph::Clamp* clamp = graph::clamp_of(site.node);
  if (const auto* attrs = std::get_if<graph::QuantizeAttrs>(&site.node.attrs)) clamp = &attrs->clamp;
  return clamp == nullptr ? kernels::code_range(out.dtype)
                          : kernels::code_range(out.dtype, out.scale, out.zero_point, *clamp);
}

void finish_code(const Site& site, std::int64_t unclamped, const kernels::Codes& out, kernels::CodeRange range) {
  const auto code = static_cast<std::int32_t>(std::clamp<std::int64_t>(unclamped, range.min, range.max));
  site.step("clamp", fmt::format("to [{}, {}]", range.min, range.max), fmt::format("{}", code));
  site.out.is_code = true;
  site.out.code = code;
  site.out.real = out.scale * static_cast<float>(code - out.zero_point);
  site.step("real", fmt::format("{:.9g} * ({} - {})", out.scale, code, out.zero_point),
            fmt::format("{:.9g}", site.out.real));
}

std::int32_t code_of(RequantMode mode, std::int64_t acc, const Factor& factor, const kernels::Codes& out,
                     kernels::CodeRange range) {
  if (mode == RequantMode::fixed) {
    return static_cast<std::int32_t>(
        std::clamp<std::int64_t>(shifted(acc, factor.fixed) + out.zero_point, range.min, range.max));
  }
  const float v = static_cast<float>(acc) * factor.floating;
  const float lo = static_cast<float>(range.min - out.zero_point), hi = static_cast<float>(range.max - out.zero_point);
  return static_cast<std::int32_t>(std::nearbyint(std::clamp(v, lo, hi))) + out.zero_point;
}

void finish(const Site& site, std::int64_t acc, const Factor& factor, const kernels::Codes& out,
            kernels::CodeRange range) {
  const kernels::FixedScale& m = factor.fixed;
  site.out.exact = static_cast<double>(acc) * factor.real;
  site.step("scale", "M = " + factor.formula, fmt::format("{:.12g}", factor.real));
  std::int64_t rounded;
  if (site.mode == RequantMode::fixed) {
    site.step("multiplier", "M = m * 2^-s", fmt::format("{} * 2^-{}", m.multiplier, m.shift));
    site.step("unrounded", fmt::format("{} * M", acc), fmt::format("{:.9g}", site.out.exact));
    rounded = shifted(acc, m);
    site.step("rounding", fmt::format("({} * {} + 2^{}) >> {}", acc, m.multiplier, m.shift - 1, m.shift),
              fmt::format("{}", rounded));
  } else {
    const float v = static_cast<float>(acc) * factor.floating;
    const double limited = std::clamp(static_cast<double>(v), -1e9, 1e9);
    site.step("multiplier", "f32 of M, by this rule's order", fmt::format("{:.9g}", factor.floating));
    site.step("unrounded", fmt::format("f32({} * {:.9g})", acc, factor.floating), fmt::format("{:.9g}", v));
    rounded = static_cast<std::int64_t>(std::nearbyint(limited));
    site.step("rounding", "to nearest, ties to even", fmt::format("{}", rounded));
  }
  site.step("zero point", fmt::format("{} + {}", rounded, out.zero_point), fmt::format("{}", rounded + out.zero_point));
  finish_code(site, rounded + out.zero_point, out, range);
}

}  // namespace octet::runtime
