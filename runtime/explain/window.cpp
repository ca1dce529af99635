// SPDX-License-Identifier: Apache-2.0
// Operators that look at several values of one tensor: pools, means, Softmax, linear Resize.
#include "kernels/window.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "kernels/exact_math.h"
#include "kernels/fp32/resize_axis.h"
#include "kernels/mean.h"
#include "runtime/explain/chain.h"

namespace octet::runtime {
namespace {

using graph::Op;

std::int32_t add_tap(const Site& site, const Index& index) {
  const std::int32_t code = site.trace.code(site.node.inputs[0], offset_of(site.input(0).shape, index));
  site.out.taps.push_back({text_of(index), {}, code, 0, code, {}});
  return code;
}

struct Window {
  std::vector<Index> inside;
  std::int64_t counted = 0;  // what an average divides by
};

Window pool_window(const Site& site) {
  const auto& attrs = site.node.as<graph::PoolAttrs>();
  const Shape &x = site.input(0).shape, &y = site.output().shape;  // NCHW
  const graph::Window& w = attrs.window;
  kernels::Overlap over[2];
  const std::int64_t dilation[2] = {attrs.global ? 1 : w.dilation[0], attrs.global ? 1 : w.dilation[1]};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::int64_t size = x[static_cast<int>(i) + 2], positions = y[static_cast<int>(i) + 2];
    const auto all = kernels::overlaps(attrs.global ? kernels::WindowAxis{size, positions, size, 1, 1, 0, 0}
                                                    : kernels::WindowAxis{size, positions, w.kernel[i], w.stride[i],
                                                                          w.dilation[i], w.pad_begin[i], w.pad_end[i]});
    if (all) over[i] = (*all)[static_cast<std::size_t>(site.index[i + 2])];
  }
  Window window;
  for (std::int64_t ky = 0; ky < over[0].taps; ++ky)
    for (std::int64_t kx = 0; kx < over[1].taps; ++kx)
      window.inside.push_back(
          {site.index[0], site.index[1], over[0].first + ky * dilation[0], over[1].first + kx * dilation[1]});
  window.counted = attrs.count_include_pad ? over[0].counted * over[1].counted : over[0].taps * over[1].taps;
  return window;
}

// `axes` empty: all of them.
Window reduced_window(const Site& site, const std::vector<std::int64_t>& axes, bool keep_dims) {
  const Shape& x = site.input(0).shape;
  std::vector<bool> reduced(static_cast<std::size_t>(x.rank()), axes.empty());
  for (std::int64_t axis : axes) reduced[static_cast<std::size_t>(axis < 0 ? axis + x.rank() : axis)] = true;
  Index kept = site.index;
  if (!keep_dims) {
    for (std::size_t axis = 0; axis < reduced.size(); ++axis) {
      if (reduced[axis]) kept.insert(kept.begin() + static_cast<std::ptrdiff_t>(axis), 0);
    }
  }
  Shape box;
  for (int axis = 0; axis < x.rank(); ++axis) box.push_back(reduced[static_cast<std::size_t>(axis)] ? x[axis] : 1);
  Window window;
  for (std::int64_t i = 0; i < box.count(); ++i) {
    Index at = index_of(box, i);
    for (std::size_t axis = 0; axis < at.size(); ++axis) at[axis] = reduced[axis] ? at[axis] : kept[axis];
    window.inside.push_back(at);
  }
  window.counted = box.count();
  return window;
}

void explain_mean(const Site& site, const Window& window) {
  const kernels::Codes x = site.use_input(0, "input"), y = site.use_output();
  const auto taps = static_cast<std::int64_t>(window.inside.size());
  std::int64_t sum = 0;
  for (const Index& at : window.inside) sum += add_tap(site, at);
  if (taps == 0) {
    site.step("sum", "nothing but padding, which stands for 0", "0");
    return finish_code(site, y.zero_point, y, kernels::code_range(y.dtype));
  }
  site.step("sum", fmt::format("x over {} taps", taps), fmt::format("{}", sum));
  const std::int64_t acc = sum - taps * x.zero_point;
  site.step("accumulator", fmt::format("{} - {}*{}", sum, taps, x.zero_point), fmt::format("{}", acc));
  const kernels::MeanScale scale = kernels::mean_scale(x, y, taps, window.counted, site.mode);
  const double real =
      static_cast<double>(x.scale) / (static_cast<double>(y.scale) * static_cast<double>(window.counted));
  finish(site, acc, {fmt::format("sx/(so*{})", window.counted), real, {scale.multiplier, scale.shift}, scale.scale}, y,
         kernels::code_range(y.dtype));
}

void explain_extreme(const Site& site, const Window& window, bool smallest) {
  const kernels::Codes x = site.use_input(0, "input"), y = site.use_output();
  const kernels::CodeRange all = kernels::code_range(x.dtype);
  std::int32_t most = smallest ? all.max : all.min;
  for (const Index& at : window.inside) {
    const std::int32_t code = add_tap(site, at);
    most = smallest ? std::min(most, code) : std::max(most, code);
  }
  site.step(smallest ? "minimum" : "maximum", fmt::format("over {} codes", window.inside.size()),
            fmt::format("{}", most));
  if (x == y) {
    site.out.exact = most - x.zero_point;
    return finish_code(site, most, y, kernels::code_range(y.dtype));
  }
  finish(site, most - x.zero_point, factor_of("sx/so", x.scale, 1, y.scale, site.mode), y,
         kernels::code_range(y.dtype));
}

}  // namespace

Status explain_pool(const Site& site) {
  const Window window = pool_window(site);
  if (site.node.as<graph::PoolAttrs>().kind == graph::PoolKind::max)
    return explain_extreme(site, window, false), Status();
  return explain_mean(site, window), Status();
}

Status explain_reduce(const Site& site) {
  if (const auto* mean = std::get_if<graph::ReduceMeanAttrs>(&site.node.attrs)) {
    return explain_mean(site, reduced_window(site, mean->axes, mean->keep_dims)), Status();
  }
  const auto& attrs = site.node.as<graph::ReduceAttrs>();
  explain_extreme(site, reduced_window(site, attrs.axes, attrs.keep_dims), attrs.fn == graph::ReduceFn::min);
  return {};
}

Status explain_arg_max(const Site& site) {
  const auto& attrs = site.node.as<graph::ArgMaxAttrs>();
  site.use_input(0, "input");
  const Window window = reduced_window(site, {attrs.axis}, attrs.keep_dims);
  std::size_t best = 0;
  std::int32_t best_code = 0;
  for (std::size_t i = 0; i < window.inside.size(); ++i) {
    const std::int32_t code = add_tap(site, window.inside[i]);
    const bool better = attrs.smallest ? code < best_code : code > best_code;
    if (i > 0 && !better && !(attrs.last && code == best_code)) continue;
    best = i;
    best_code = code;
  }
  site.step(attrs.smallest ? "minimum" : "maximum", fmt::format("over {} codes", window.inside.size()),
            fmt::format("{}", best_code));
  site.step("index", attrs.last ? "of the last such code" : "of the first such code", fmt::format("{}", best));
  site.out.is_code = false;
  site.out.real = site.out.exact = static_cast<double>(best);
  return {};
}

Status explain_softmax(const Site& site) {
  const Shape& shape = site.input(0).shape;
  const std::int64_t given = site.node.as<graph::SoftmaxAttrs>().axis;
  const auto axis = static_cast<std::size_t>(given < 0 ? given + shape.rank() : given);
  const kernels::Codes x = site.use_input(0, "input"), y = site.use_output();
  std::vector<std::int32_t> row;
  for (std::int64_t i = 0; i < shape[static_cast<int>(axis)]; ++i) {
    Index at = site.index;
    at[axis] = i;
    row.push_back(add_tap(site, at));
  }
  const std::int32_t most = *std::ranges::max_element(row);
  const std::int32_t own = row[static_cast<std::size_t>(site.index[axis])];
  site.step("maximum", fmt::format("over {} codes", row.size()), fmt::format("{}", most));
  const auto entry = [&](std::int32_t q) { return kernels::exact::exp(-static_cast<double>(x.scale) * (most - q)); };
  std::int64_t rounded;
  if (site.mode == RequantMode::fixed) {
    const auto table = [&](std::int32_t q) { return static_cast<std::uint64_t>(std::nearbyint(0x1p22 * entry(q))); };
    std::uint64_t total = 0;
    for (std::int32_t q : row) total += table(q);
    site.step("exponential", fmt::format("T = rne(2^22 * exp(-sx * ({} - {})))", most, own),
              fmt::format("{}", table(own)));
    site.step("sum", "of T over the row", fmt::format("{}", total));
    const double ratio = static_cast<double>(table(own)) / (static_cast<double>(total) * static_cast<double>(y.scale));
    site.out.exact = ratio;
    site.step("unrounded", fmt::format("{} / ({} * {:.9g})", table(own), total, y.scale), fmt::format("{:.9g}", ratio));
    rounded = static_cast<std::int64_t>(std::floor(ratio + 0.5));
    site.step("rounding", "to nearest, ties up", fmt::format("{}", rounded));
  } else {
    float lanes[16] = {};
    for (std::size_t i = 0; i < row.size(); ++i) lanes[i % 16] += static_cast<float>(entry(row[i]));
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    const float p = static_cast<float>(entry(own)) / lanes[0];
    const float v = site.mode == RequantMode::floating_qnnpack ? p * (1.0F / y.scale) : p / y.scale;
    site.out.exact = v;
    site.step("probability", fmt::format("{:.9g} / {:.9g}", static_cast<float>(entry(own)), lanes[0]),
              fmt::format("{:.9g}", p));
    site.step("unrounded", fmt::format("{:.9g} / {:.9g}", p, y.scale), fmt::format("{:.9g}", v));
    rounded = static_cast<std::int64_t>(std::nearbyint(v));
    site.step("rounding", "to nearest, ties to even", fmt::format("{}", rounded));
  }
  site.step("zero point", fmt::format("{} + {}", rounded, y.zero_point), fmt::format("{}", rounded + y.zero_point));
  finish_code(site, rounded + y.zero_point, y, kernels::code_range(y.dtype));
  return {};
}

Status explain_resize(const Site& site) {
  constexpr std::int64_t kOne = 1 << 10;
  const auto& attrs = site.node.as<graph::ResizeAttrs>();
  const Shape &in = site.input(0).shape, &out = site.output().shape;
  const kernels::Codes x = site.use_input(0, "input"), y = site.use_output();
  struct Corner {
    Index at;
    std::int64_t weight;
  };
  std::vector<Corner> corners{{{}, 1}};
  std::int64_t unit = 1;
  for (int axis = 0; axis < in.rank(); ++axis) {
    const auto a = static_cast<std::size_t>(axis);
    std::vector<std::pair<std::int64_t, std::int64_t>> sources{{site.index[a], 1}};
    if (in[axis] != out[axis] || attrs.scales[a] != 1.0F) {
      const kernels::fp32::AxisScale scale = kernels::fp32::axis_scale(attrs.scales[a], in[axis], out[axis]);
      const double at = kernels::fp32::source_coordinate(attrs.coordinates, scale, in[axis], out[axis], site.index[a]);
      const kernels::fp32::Between between = kernels::fp32::linear_indices(at, in[axis]);
      const auto weight = static_cast<std::int64_t>(std::nearbyint(between.fraction * kOne));
      sources = {{between.low, kOne - weight}, {between.high, weight}};
      unit *= kOne;
    }
    std::vector<Corner> next;
    for (const Corner& corner : corners) {
      for (const auto& [index, weight] : sources) {
        if (weight == 0) continue;
        next.push_back(corner);
        next.back().at.push_back(index);
        next.back().weight *= weight;
      }
    }
    corners = std::move(next);
  }
  const std::int64_t raise = kOne * kOne / unit;  // weights always sum to 2^20
  std::int64_t acc = 0;
  for (const Corner& corner : corners) {
    const std::int32_t code = add_tap(site, corner.at);
    Explanation::Tap& tap = site.out.taps.back();
    tap.weight = static_cast<std::int32_t>(corner.weight * raise);
    tap.weight_at = "(position)";
    tap.product = std::int64_t{code} * tap.weight;
    acc += std::int64_t{code - x.zero_point} * tap.weight;
  }
  site.step("accumulator", "sum of weight * (x - zx), weights sum to 2^20", fmt::format("{}", acc));
  Factor factor = factor_of("sx/(so * 2^20)", x.scale, 1, y.scale, site.mode);
  factor.real /= kOne * kOne;
  factor.fixed = kernels::fixed_scale(factor.real);
  factor.floating /= kOne * kOne;
  finish(site, acc, factor, y, kernels::code_range(y.dtype));
  return {};
}

}  // namespace octet::runtime
