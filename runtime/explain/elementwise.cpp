// SPDX-License-Identifier: Apache-2.0
// Operators of which each output value has one input value, or two: Add, Sub, Mul, functions, conversions.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/table.h"
#include "runtime/explain/chain.h"

namespace octet::runtime {
namespace {

// Where the output's element lies in an operand that is broadcast.
std::int64_t broadcast_offset(const Shape& shape, const Index& index) {
  Index own;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const std::size_t from = index.size() - static_cast<std::size_t>(shape.rank() - axis);
    own.push_back(shape[axis] == 1 ? 0 : index[from]);
  }
  return offset_of(shape, own);
}

void add_tap(const Site& site, std::size_t input, std::int64_t at, std::int32_t code) {
  site.out.taps.push_back({text_of(index_of(site.input(input).shape, at)), {}, code, 0, code, {}});
}

Status explain_add(const Site& site, const kernels::Codes& a, std::int32_t qa, const kernels::Codes& b, std::int32_t qb,
                   int sign) {
  const kernels::Codes y = site.use_output();
  const kernels::CodeRange range = range_of(site, y);
  const Result<kernels::AddParams> made =
      kernels::add_params(a.scale, a.zero_point, b.scale, b.zero_point, y.scale, y.zero_point, range, sign, site.mode,
                          site.output().relabelled);
  if (!made.ok()) return made.status();
  const kernels::AddParams& p = *made;
  const std::int64_t da = qa - a.zero_point, db = qb - b.zero_point;
  site.out.exact = (static_cast<double>(a.scale) * static_cast<double>(da) +
                    sign * static_cast<double>(b.scale) * static_cast<double>(db)) /
                   y.scale;
  std::int64_t rounded;
  if (site.mode == RequantMode::fixed) {
    site.step("multipliers",
              fmt::format("ma = rne(sa/so * 2^{0}), mb = {1}rne(sb/so * 2^{0})", p.shift, sign < 0 ? "-" : ""),
              fmt::format("{}, {}", p.ma, p.mb));
    const std::int64_t sum = p.ma * da + p.mb * db;
    site.step("sum", fmt::format("{}*({} - {}) + {}*({} - {})", p.ma, qa, a.zero_point, p.mb, qb, b.zero_point),
              fmt::format("{}", sum));
    site.step("unrounded", fmt::format("{} * 2^-{}", sum, p.shift),
              fmt::format("{:.9g}", std::ldexp(static_cast<double>(sum), -p.shift)));
    rounded = (sum + (std::int64_t{1} << (p.shift - 1))) >> p.shift;
    site.step("rounding", fmt::format("({} + 2^{}) >> {}", sum, p.shift - 1, p.shift), fmt::format("{}", rounded));
    site.step("zero point", fmt::format("{} + {}", rounded, y.zero_point), fmt::format("{}", rounded + y.zero_point));
    rounded += y.zero_point;
  } else {
    const std::int32_t a_code = qa - p.za, b_code = qb - p.zb;
    const float sum = std::fma(static_cast<float>(a_code), p.fa, std::fma(static_cast<float>(b_code), p.fb, p.fc));
    site.step("factors", "f32(sa/so), f32(sb/so)", fmt::format("{:.9g}, {:.9g}", p.fa, p.fb));
    site.step(
        "zero points",
        fmt::format("f32({} - fma({}, fa, f32({}*fb)))", y.zero_point - p.zo, a.zero_point - p.za, b.zero_point - p.zb),
        fmt::format("{:.9g}", p.fc));
    site.step("unrounded", fmt::format("fma({}, fa, fma({}, fb, {:.9g}))", a_code, b_code, p.fc),
              fmt::format("{:.9g}", sum));
    rounded = static_cast<std::int64_t>(std::nearbyint(std::clamp(static_cast<double>(sum), -1e9, 1e9))) + p.zo;
    site.step("rounding", "to nearest, ties to even", fmt::format("{}", rounded));
  }
  finish_code(site, rounded, y, range);
  return {};
}

const char* name_of(graph::UnaryFn fn) {
  constexpr const char* kNames[] = {"relu",       "clip", "leaky_relu", "elu",        "sigmoid",   "hard_sigmoid",
                                    "hard_swish", "silu", "tanh",       "gelu_erf",   "gelu_tanh", "erf",
                                    "exp",        "log",  "sqrt",       "reciprocal", "neg",       "abs",
                                    "floor",      "ceil", "softplus"};
  return kNames[static_cast<std::size_t>(fn)];
}

// f(x) by octet's own fp32 operator.
Result<double> function_of(const Site& site, float x) {
  Result<graph::Graph> real = isolate_real(site.trace.graph(), site.node);
  if (!real.ok()) return real.status();
  Result<OneOp> op = OneOp::create(std::move(*real), nullptr, {.threads = 1});
  if (!op.ok()) return op.status();
  const auto memory = op->input(site.node.inputs[0]);
  auto* elements = reinterpret_cast<float*>(memory.data());
  std::fill(elements, elements + memory.size() / sizeof(float), x);
  op->run();
  return static_cast<double>(*reinterpret_cast<const float*>(op->output().data()));
}

}  // namespace

Status explain_binary(const Site& site) {
  const auto& attrs = site.node.as<graph::BinaryAttrs>();
  const std::int64_t at_a = broadcast_offset(site.input(0).shape, site.index);
  const std::int64_t at_b = broadcast_offset(site.input(1).shape, site.index);
  const std::int32_t qa = site.trace.code(site.node.inputs[0], at_a), qb = site.trace.code(site.node.inputs[1], at_b);
  const kernels::Codes a = site.use_input(0, "a"), b = site.use_input(1, "b");
  add_tap(site, 0, at_a, qa);
  add_tap(site, 1, at_b, qb);
  if (attrs.fn != graph::BinaryFn::mul)
    return explain_add(site, a, qa, b, qb, attrs.fn == graph::BinaryFn::sub ? -1 : 1);
  const kernels::Codes y = site.use_output();
  const std::int64_t acc = std::int64_t{qa - a.zero_point} * (qb - b.zero_point);
  site.step("product", fmt::format("({} - {}) * ({} - {})", qa, a.zero_point, qb, b.zero_point),
            fmt::format("{}", acc));
  finish(site, acc, factor_of("sa*sb/so", a.scale, b.scale, y.scale, site.mode), y, range_of(site, y));
  return {};
}

Status explain_unary(const Site& site) {
  const auto& attrs = site.node.as<graph::UnaryAttrs>();
  const std::int32_t q = site.trace.code(site.node.inputs[0], site.at);
  const kernels::Codes x = site.use_input(0, "input"), y = site.use_output();
  add_tap(site, 0, site.at, q);
  const float real = x.scale * static_cast<float>(q - x.zero_point);
  site.step("input", fmt::format("{:.9g} * ({} - {})", x.scale, q, x.zero_point), fmt::format("{:.9g}", real));
  const Result<double> value = function_of(site, real);
  if (!value.ok()) return value.status();
  site.step("function", fmt::format("{}({:.9g})", name_of(attrs.fn), real), fmt::format("{:.9g}", *value));
  site.out.exact = *value / static_cast<double>(y.scale);
  site.step("unrounded", fmt::format("{:.9g} / {:.9g}", *value, y.scale), fmt::format("{:.9g}", site.out.exact));
  // The table is the specification: made in double with octet's own exp, tanh and erf.
  const kernels::Table table = kernels::unary_table(attrs, x, y, site.mode);
  const std::int32_t code = y.code(table[static_cast<std::uint8_t>(q)]);
  site.step(
      "table",
      fmt::format("entry {} of 256, rounded {}, + zero point {}", q,
                  site.mode == RequantMode::fixed ? "to nearest, ties up" : "to nearest, ties to even", y.zero_point),
      fmt::format("{}", code));
  finish_code(site, code, y, kernels::code_range(y.dtype));
  return {};
}

Status explain_quantize(const Site& site) {
  const auto* attrs = std::get_if<graph::QuantizeAttrs>(&site.node.attrs);
  const bool reciprocal = attrs != nullptr && attrs->reciprocal;
  const auto x = static_cast<float>(site.trace.real(site.node.inputs[0], site.at));
  const kernels::Codes y = site.use_output();
  const kernels::CodeRange range = range_of(site, y);
  site.step("input", "f32", fmt::format("{:.9g}", x));
  const float inverse = 1.0F / y.scale;
  const float v = reciprocal ? x * inverse : x / y.scale;
  site.out.exact = static_cast<double>(x) / static_cast<double>(y.scale);
  if (std::isnan(v)) {
    site.step("unrounded", "NaN becomes the zero point", "0");
    finish_code(site, y.zero_point, y, range);
    return {};
  }
  site.step("unrounded",
            reciprocal ? fmt::format("f32({:.9g} * f32(1/{:.9g}))", x, y.scale)
                       : fmt::format("f32({:.9g} / {:.9g})", x, y.scale),
            fmt::format("{:.9g}", v));
  const auto rounded = static_cast<std::int64_t>(std::nearbyint(std::clamp(static_cast<double>(v), -1e9, 1e9)));
  site.step("rounding", "to nearest, ties to even", fmt::format("{}", rounded));
  site.step("zero point", fmt::format("{} + {}", rounded, y.zero_point), fmt::format("{}", rounded + y.zero_point));
  finish_code(site, rounded + y.zero_point, y, range);
  return {};
}

Status explain_dequantize(const Site& site) {
  const std::int32_t q = site.trace.code(site.node.inputs[0], site.at);
  const kernels::Codes x = site.use_input(0, "input");
  add_tap(site, 0, site.at, q);
  site.out.is_code = false;
  site.out.real = site.out.exact = x.scale * static_cast<float>(q - x.zero_point);
  site.step("real", fmt::format("{:.9g} * ({} - {})", x.scale, q, x.zero_point), fmt::format("{:.9g}", site.out.real));
  return {};
}

Status explain_requantize(const Site& site) {
  const std::int32_t q = site.trace.code(site.node.inputs[0], site.at);
  const kernels::Codes x = site.use_input(0, "input"), y = site.use_output();
  add_tap(site, 0, site.at, q);
  site.step("accumulator", fmt::format("{} - {}", q, x.zero_point), fmt::format("{}", q - x.zero_point));
  finish(site, q - x.zero_point, factor_of("sx/so", x.scale, 1, y.scale, site.mode), y, range_of(site, y));
  return {};
}

}  // namespace octet::runtime
