// SPDX-License-Identifier: Apache-2.0
// Sums of products: Conv2d, ConvTranspose2d, Dense, MatMul.
//
//   sum (x - zx)(w - zw) = sum x*w - zx * sum w - zw * sum x + n*zx*zw,   then + bias, then the requantize row
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>

#include "graph/passes/clamp_of.h"
#include "runtime/explain/chain.h"

namespace octet::runtime {
namespace {

using graph::Op;

// The two elements that one tap multiplies.
using Pair = std::pair<Index, Index>;

struct Taps {
  std::vector<Pair> pairs;
  std::int64_t padding = 0;
  std::int64_t channel = 0;         // output channel
  std::int64_t weight_channel = 0;  // its entry on the weights' axis
};

Taps conv_taps(const Site& site) {
  const auto& attrs = site.node.as<graph::Conv2dAttrs>();
  const graph::Window& win = attrs.window;
  const Shape &x = site.input(0).shape, &w = site.input(1).shape;
  Taps taps;
  taps.channel = taps.weight_channel = site.index[1];
  const std::int64_t first = taps.channel / (w[0] / attrs.groups) * w[1];
  for (std::int64_t c = 0; c < w[1]; ++c)
    for (std::int64_t ky = 0; ky < w[2]; ++ky)
      for (std::int64_t kx = 0; kx < w[3]; ++kx) {
        const std::int64_t y = site.index[2] * win.stride[0] + ky * win.dilation[0] - win.pad_begin[0];
        const std::int64_t z = site.index[3] * win.stride[1] + kx * win.dilation[1] - win.pad_begin[1];
        if (y < 0 || z < 0 || y >= x[2] || z >= x[3]) {
          ++taps.padding;
          continue;
        }
        taps.pairs.push_back({{site.index[0], first + c, y, z}, {taps.channel, c, ky, kx}});
      }
  return taps;
}

Taps conv_transpose_taps(const Site& site) {
  const auto& attrs = site.node.as<graph::ConvTranspose2dAttrs>();
  const graph::Window& win = attrs.window;
  const Shape &x = site.input(0).shape, &w = site.input(1).shape;  // w (in, out/groups, kh, kw)
  Taps taps;
  taps.channel = site.index[1];
  taps.weight_channel = taps.channel % w[1];
  const std::int64_t rows = w[0] / attrs.groups, first = taps.channel / w[1] * rows;
  for (std::int64_t c = first; c < first + rows; ++c)
    for (std::int64_t ky = 0; ky < w[2]; ++ky)
      for (std::int64_t kx = 0; kx < w[3]; ++kx) {
        const std::int64_t y = site.index[2] + win.pad_begin[0] - ky * win.dilation[0];
        const std::int64_t z = site.index[3] + win.pad_begin[1] - kx * win.dilation[1];
        if (y < 0 || z < 0 || y % win.stride[0] != 0 || z % win.stride[1] != 0) continue;
        if (y / win.stride[0] >= x[2] || z / win.stride[1] >= x[3]) continue;
        taps.pairs.push_back(
            {{site.index[0], c, y / win.stride[0], z / win.stride[1]}, {c, taps.weight_channel, ky, kx}});
      }
  return taps;
}

Taps dense_taps(const Site& site) {
  Taps taps;
  taps.channel = taps.weight_channel = site.index.back();
  for (std::int64_t p = 0; p < site.input(1).shape[1]; ++p) {
    Index x = site.index;
    x.back() = p;
    taps.pairs.push_back({x, {taps.channel, p}});
  }
  return taps;
}

// The leading axes of an operand of a product, broadcast: what is 1 stays at 0.
Index leading(const Shape& shape, const Index& batch) {
  Index index;
  for (int axis = 0; axis < shape.rank() - 2; ++axis) {
    const std::size_t from = batch.size() - static_cast<std::size_t>(shape.rank() - 2 - axis);
    index.push_back(shape[axis] == 1 ? 0 : batch[from]);
  }
  return index;
}

Taps matmul_taps(const Site& site) {
  const Shape &a = site.input(0).shape, &b = site.input(1).shape;
  Index batch = site.index;
  std::int64_t row = 0, column = 0;
  if (b.rank() > 1) column = batch.back(), batch.pop_back();
  if (a.rank() > 1) row = batch.back(), batch.pop_back();
  Taps taps;
  for (std::int64_t p = 0; p < a[a.rank() - 1]; ++p) {
    Index left = leading(a, batch), right = leading(b, batch);
    if (a.rank() > 1) left.push_back(row);
    left.push_back(p);
    right.push_back(p);
    if (b.rank() > 1) right.push_back(column);
    taps.pairs.push_back({left, right});
  }
  return taps;
}

Taps taps_of(const Site& site) {
  switch (site.node.op) {
    case Op::Conv2d:
      return conv_taps(site);
    case Op::ConvTranspose2d:
      return conv_transpose_taps(site);
    case Op::Dense:
      return dense_taps(site);
    default:
      return matmul_taps(site);
  }
}

struct Bias {
  double code = 0, real = 0;
  std::string formula = "none";
};

bool within_one_ulp(float a, float b) { return a == b || std::nextafter(a, b) == b; }

Bias bias_of(const Site& site, std::int64_t channel, float sx, float sw) {
  Bias bias;
  if (site.node.op == Op::MatMul || !site.node.has_input(2)) return bias;
  const graph::Value& b = site.input(2);
  const auto c = static_cast<std::size_t>(channel);
  const double unit = static_cast<double>(sx) * sw;
  if (b.dtype == DType::f32) {
    bias.real = b.as<float>()[c];
    if (site.mode == RequantMode::floating_qnnpack) {
      bias.code = std::nearbyint(b.as<float>()[c] * (1.0F / (sx * sw)));
      bias.formula = fmt::format("rne(f32({:.9g} * f32(1 / f32(sx*sw))))", bias.real);
    } else {
      bias.code = bias.real == 0 ? 0 : std::nearbyint(bias.real / unit);
      bias.formula = fmt::format("rne({:.9g} / (sx*sw))", bias.real);
    }
    return bias;
  }
  const std::int32_t stored = b.as<std::int32_t>()[c];
  bias.code = stored;
  bias.real = stored * unit;
  bias.formula = "as stored, in units of sx*sw";
  if (!b.is_quantized()) return bias;
  const std::size_t entry = b.quant.scale.size() == 1 ? 0 : c;
  const float sb = b.quant.scale[entry];
  bias.code -= b.quant.zero_point[entry];
  bias.real = bias.code * static_cast<double>(sb);
  if (!within_one_ulp(sb, sx * sw)) {
    bias.formula = fmt::format("rne({} * {:.9g} / (sx*sw))", bias.code, sb);
    bias.code = std::nearbyint(bias.code * static_cast<double>(sb) / unit);
  }
  return bias;
}

// Where the sum could leave int32, the bias stops at the bound; only codes at an end of the range ever notice.
double bounded(const Site& site, const Taps& taps, const kernels::Codes& x, std::int32_t zw, double bias) {
  if (std::abs(bias) < 0x1p30) return bias;
  const graph::Value& w = site.input(1);
  const kernels::CodeRange all = kernels::code_range(x.dtype);
  const std::int64_t reach = std::max(all.max - x.zero_point, x.zero_point - all.min);
  std::int64_t distance = taps.padding * 128;
  for (const Pair& pair : taps.pairs) {
    distance += std::abs(site.trace.code(site.node.inputs[1], offset_of(w.shape, pair.second)) - zw);
  }
  const auto limit = static_cast<double>(std::numeric_limits<std::int32_t>::max() - distance * reach);
  return std::clamp(bias, -limit, limit);
}

}  // namespace

Status explain_sum(const Site& site) {
  const Taps taps = taps_of(site);
  const bool has_weights = site.node.op != Op::MatMul;
  const graph::Value &x_value = site.input(0), &w_value = site.input(1);
  const kernels::Codes x = site.use_input(0, has_weights ? "input" : "left");
  kernels::Codes w = site.use_input(1, has_weights ? "weights" : "right");
  const std::size_t entry =
      w_value.quant.per_tensor() ? 0 : static_cast<std::size_t>(taps.weight_channel) % w_value.quant.scale.size();
  w.scale = site.out.operands.back().scale = w_value.quant.scale[entry];
  w.zero_point = site.out.operands.back().zero_point = w_value.quant.zero_point[entry];

  std::int64_t products = 0, sum_x = 0, sum_w = 0;
  SumFacts facts;
  for (const auto& [x_index, w_index] : taps.pairs) {
    const std::int64_t w_at = offset_of(w_value.shape, w_index);
    const std::int32_t code = site.trace.code(site.node.inputs[0], offset_of(x_value.shape, x_index));
    const std::int32_t weight = site.trace.code(site.node.inputs[1], w_at);
    Explanation::Tap tap{text_of(x_index), text_of(w_index), code, weight, std::int64_t{code} * weight, {}};
    if (site.float_weights != nullptr)
      tap.float_weight = site.float_weights->as<float>()[static_cast<std::size_t>(w_at)];
    site.out.taps.push_back(std::move(tap));
    products += std::int64_t{code} * weight;
    sum_x += code;
    sum_w += weight;
    if (std::abs(weight - w.zero_point) > std::abs(facts.heaviest_weight)) {
      facts.heaviest_weight = weight - w.zero_point;
      facts.heaviest_input = code;
    }
  }
  site.out.padding_taps = taps.padding;
  const auto n = static_cast<std::int64_t>(taps.pairs.size());
  const std::int64_t correction = -x.zero_point * sum_w - w.zero_point * sum_x + n * x.zero_point * w.zero_point;
  site.step("sum of products", fmt::format("x*w over {} taps", n), fmt::format("{}", products));
  site.step(
      "zero points",
      fmt::format("-{}*{} - {}*{} + {}*{}*{}", x.zero_point, sum_w, w.zero_point, sum_x, n, x.zero_point, w.zero_point),
      fmt::format("{}", correction));
  const Bias bias = bias_of(site, taps.channel, x.scale, w.scale);
  const bool to_real = site.output().dtype == DType::f32;
  if (to_real && has_weights && site.node.has_input(2) && site.input(2).dtype == DType::f32) {
    // A float bias is added to the float result.
    const float scale = x.scale * w.scale;
    const float sum = static_cast<float>(products + correction) * scale;
    site.step("accumulator", fmt::format("{} {:+}", products, correction), fmt::format("{}", products + correction));
    site.step("to real", fmt::format("f32({} * f32(sx*sw) = {:.9g})", products + correction, scale),
              fmt::format("{:.9g}", sum));
    const graph::Clamp* clamp = graph::clamp_of(site.node);
    const float result = std::min(std::max(sum + static_cast<float>(bias.real), clamp->lo), clamp->hi);
    site.step("bias", fmt::format("{:.9g} + {:.9g}, then the clamp", sum, bias.real), fmt::format("{:.9g}", result));
    site.out.is_code = false;
    site.out.real = site.out.exact = result;
    return {};
  }
  const auto bias_code = static_cast<std::int64_t>(bounded(site, taps, x, w.zero_point, bias.code));
  const std::int64_t acc = products + correction + bias_code;
  site.step("bias", bias.formula, fmt::format("{}", bias_code));
  site.step("accumulator", fmt::format("{} {:+} {:+}", products, correction, bias_code), fmt::format("{}", acc));
  if (to_real) {
    const float scale = x.scale * w.scale;
    const graph::Clamp* clamp = graph::clamp_of(site.node);
    const float result = std::min(std::max(static_cast<float>(acc) * scale, clamp->lo), clamp->hi);
    site.step("to real", fmt::format("f32({} * f32(sx*sw) = {:.9g}), then the clamp", acc, scale),
              fmt::format("{:.9g}", result));
    site.out.is_code = false;
    site.out.real = site.out.exact = result;
    return {};
  }
  const kernels::Codes y = site.use_output();
  facts.factor = factor_of("sx*sw/so", x.scale, w.scale, y.scale, site.mode);
  facts.range = range_of(site, y);
  finish(site, acc, facts.factor, y, facts.range);
  facts.acc = acc;
  facts.bias = bias_code;
  facts.real_bias = bias.real;
  facts.sx = x.scale;
  facts.sw = w.scale;
  facts.so = y.scale;
  facts.codes = y;
  facts.input_range = kernels::code_range(x.dtype);
  note_sum(site, facts);
  return {};
}

}  // namespace octet::runtime
