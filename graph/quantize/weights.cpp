// SPDX-License-Identifier: Apache-2.0
#include "graph/quantize/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "graph/quantize/codes.h"
#include "graph/quantize/observer.h"
#include "graph/quantize/qparams.h"

namespace octet::graph {
namespace {

// Which output channel each weight belongs to. Conv2d (out, in/groups, kh, kw), Dense (n, k): its index
// on axis 0. ConvTranspose2d (in, out/groups, kh, kw): its index on axis 1, within its group of rows.
struct Channels {
  Channels(const Node& node, const Shape& shape, bool wants_per_channel) {
    axis = node.op == Op::ConvTranspose2d ? 1 : 0;
    groups = axis == 1 ? node.as<ConvTranspose2dAttrs>().groups : 1;
    per_group = shape[axis];
    inner = shape.count(axis + 1, shape.rank());
    rows_per_group = std::max<std::int64_t>(axis == 1 ? shape[0] / groups : 1, 1);
    scales = wants_per_channel && groups == 1 ? per_group : 1;
  }
  std::int64_t outputs() const { return per_group * groups; }
  std::size_t output_of(std::size_t weight) const {
    const std::int64_t row = static_cast<std::int64_t>(weight) / inner;
    const std::int64_t group = axis == 1 ? row / per_group / rows_per_group : 0;
    return static_cast<std::size_t>(group * per_group + row % per_group);
  }
  std::size_t scale_of(std::size_t output) const { return scales == 1 ? 0 : output; }
  int axis;
  std::int64_t groups, per_group, inner, rows_per_group;
  std::int64_t scales;  // 1, or one per output channel
};

// Per scale: what its weights span, and the largest bias it must carry.
struct Extent {
  Range weights;
  float bias = 0;
};

// The range that each scale shall cover, where more is wanted than the smallest and largest weight.
std::vector<Range> observed_ranges(std::span<const float> w, const Channels& channels, const QuantSpec& spec,
                                   const ObserverSpec& observer) {
  std::vector<std::vector<float>> own(static_cast<std::size_t>(channels.scales));
  for (std::size_t i = 0; i < w.size(); ++i) own[channels.scale_of(channels.output_of(i))].push_back(w[i]);
  std::vector<Range> ranges;
  for (const std::vector<float>& weights : own) {
    const std::unique_ptr<Observer> one = make_observer(observer);
    one->observe(weights);
    ranges.push_back(one->range(spec));
  }
  return ranges;
}

bool takes_everything(ObserverKind kind) {  // of weights seen once, a moving average is the first batch
  return kind == ObserverKind::min_max || kind == ObserverKind::moving_average || is_per_channel(kind);
}

Result<Quant> scale_of(const Extent& extent, float sx, const QuantSpec& spec) {
  // |b| / (sx * sw) <= 2^30: half of int32 is left for the products.
  const double for_bias = std::abs(static_cast<double>(extent.bias)) / (static_cast<double>(sx) * 0x1p30);
  if (spec.scheme == Scheme::symmetric && spec.rule == ScaleRule::exact) {
    const float largest = std::max(std::abs(extent.weights.min), std::abs(extent.weights.max));
    // Divided in float: the largest weight is then exactly quant_max steps.
    float scale = std::max(largest / symmetric_steps(spec), static_cast<float>(for_bias));
    if (scale == 0) scale = 1;
    return Quant{{scale}, {middle_code(spec)}, -1};
  }
  Result<Quant> quant = choose_qparams(extent.weights, spec);
  if (quant.ok() && static_cast<double>(quant->scale[0]) < for_bias) {
    QuantSpec coarser = spec;
    coarser.eps = static_cast<float>(for_bias);
    return choose_qparams(extent.weights, coarser);
  }
  return quant;
}

// One entry for the whole tensor, or one per index of axis.
Result<Quant> weight_quant(const Value& weight, std::span<const float> bias, const Channels& channels, float sx,
                           const QuantSpec& spec, const ObserverSpec& observer) {
  const auto w = weight.as<float>();
  std::vector<Extent> extents(static_cast<std::size_t>(channels.scales));
  if (takes_everything(observer.kind)) {
    for (std::size_t i = 0; i < w.size(); ++i) {
      extents[channels.scale_of(channels.output_of(i))].weights.include({w[i], w[i]});
    }
  } else {
    const std::vector<Range> ranges = observed_ranges(w, channels, spec, observer);
    for (std::size_t i = 0; i < ranges.size(); ++i) extents[i].weights = ranges[i];
  }
  for (std::size_t c = 0; c < bias.size(); ++c) {
    Extent& extent = extents[channels.scale_of(c)];
    extent.bias = std::max(extent.bias, std::abs(bias[c]));
  }
  Quant quant;
  quant.axis = spec.per_channel && channels.groups == 1 ? channels.axis : -1;
  for (const Extent& extent : extents) {
    Result<Quant> one = scale_of(extent, sx, spec);
    if (!one.ok()) return one.status();
    // sx*sw is the scale of the bias, which a file keeps as float: never denormal. Only a dead channel,
    // with weights around 1e-30, is ever that small; coarser codes cost it nothing.
    const float scale = std::max(one->scale[0], 0x1p-125F / sx);
    if (!std::isfinite(sx * scale)) {
      return Status::error(fmt::format("input scale {} times weight scale {} exceeds the largest float", sx, scale));
    }
    quant.scale.push_back(scale);
    quant.zero_point.push_back(one->zero_point[0]);
  }
  return quant;
}

// |bias| + sum|w - zw| * max|x - zx| < 2^31 for every output channel.
Status check_accumulators(std::span<const std::byte> codes, const Quant& quant, DType dtype,
                          std::span<const std::int32_t> bias, const Channels& channels, std::int32_t zx,
                          DType input_dtype) {
  const CodeBounds x = bounds_of(input_dtype);
  const std::int64_t reach = std::max(x.max - zx, zx - x.min);
  std::vector<std::int64_t> sums(static_cast<std::size_t>(channels.outputs()));
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const std::size_t output = channels.output_of(i);
    const auto byte = static_cast<std::uint8_t>(codes[i]);
    const std::int32_t code = dtype == DType::s8 ? static_cast<std::int8_t>(byte) : byte;
    sums[output] += std::abs(code - quant.zero_point[channels.scale_of(output)]);
  }
  for (std::size_t c = 0; c < sums.size(); ++c) {
    const std::int64_t start = bias.empty() ? 0 : std::abs(static_cast<std::int64_t>(bias[c]));
    if (start + sums[c] * reach >= (std::int64_t{1} << 31)) {
      return Status::error(fmt::format("channel {}: bias {} and weights summing to {} overflow an int32 accumulator", c,
                                       start, sums[c]));
    }
  }
  return {};
}

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

}  // namespace

Result<QuantizedWeights> quantize_weights(const Graph& graph, const Node& node, const Quant& input, DType input_dtype,
                                          const QuantSpec& spec, const ObserverSpec& observer) {
  const Value& weight = graph.input(node, 1);
  const bool has_bias = node.has_input(2);
  const std::span<const float> bias = has_bias ? graph.input(node, 2).as<float>() : std::span<const float>{};
  const auto w = weight.as<float>();
  if (!all_finite(w) || !all_finite(bias)) return Status::error("its weights are not finite");
  if (w.empty()) return Status::error("it has no weights");
  const Channels channels(node, weight.shape, spec.per_channel);
  if (has_bias && static_cast<std::int64_t>(bias.size()) != channels.outputs()) {
    return Status::error(fmt::format("{} biases for {} channels", bias.size(), channels.outputs()));
  }
  const float sx = input.scale[0];
  Result<Quant> quant = weight_quant(weight, bias, channels, sx, spec, observer);
  if (!quant.ok()) return quant.status();

  std::vector<std::byte> codes(w.size());
  Status status = quantize_tensor(w, weight.shape, *quant, spec.dtype, spec.bounds(), QuantizeBy::division, codes);
  if (!status.ok()) return status;
  QuantizedWeights result{Graph::make_constant({}, spec.dtype, weight.shape, codes), {}};

  std::vector<std::int32_t> bias_codes;
  if (has_bias) {
    Quant bias_quant{{}, {}, quant->per_tensor() ? -1 : 0};
    for (std::size_t c = 0; c < bias.size(); ++c) {
      const float sw = quant->scale[channels.scale_of(c)];
      // At most 2^30 (1 + 2^-24) by the choice of sw.
      const double code = std::nearbyint(static_cast<double>(bias[c]) / (static_cast<double>(sx) * sw));
      bias_codes.push_back(static_cast<std::int32_t>(code));
      if (quant->per_tensor() && c > 0) continue;
      bias_quant.scale.push_back(sx * sw);
      bias_quant.zero_point.push_back(0);
    }
    result.bias =
        Graph::make_constant({}, DType::s32, graph.input(node, 2).shape, std::as_bytes(std::span(bias_codes)));
    result.bias->quant = std::move(bias_quant);
  }
  status = check_accumulators(codes, *quant, spec.dtype, bias_codes, channels, input.zero_point[0], input_dtype);
  if (!status.ok()) return status;
  result.weight.quant = std::move(*quant);
  return result;
}

}  // namespace octet::graph
