// SPDX-License-Identifier: Apache-2.0
#include "kernels/epilogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "kernels/codes.h"
#include "kernels/requantize.h"

namespace octet::kernels {
#include "kernels/requantize.inl"

namespace {

constexpr std::size_t kPadding = 256;  // no block is wider than Gemm::nr can say

bool is_scale(float s) { return s > 0 && s <= std::numeric_limits<float>::max(); }

// At most one unit in the last place apart; both positive and finite.
bool within_one_ulp(float a, float b) {
  std::int32_t x, y;
  std::memcpy(&x, &a, 4);
  std::memcpy(&y, &b, 4);
  return std::abs(static_cast<std::int64_t>(x) - y) <= 1;
}

// Bias values in units of the accumulator, not yet bounded.
class BiasCodes {
 public:
  static Result<BiasCodes> create(const OpContext& ctx, std::size_t columns) {
    BiasCodes bias;
    if (!ctx.has_input(2)) return bias;
    const Operand& b = ctx.inputs[2];
    if (b.constant == nullptr) return ctx.error("the bias must be a constant");
    if (b.dtype != DType::s32 && b.dtype != DType::f32) {
      return ctx.error(fmt::format("the bias has type {}: must be s32 or f32", name_of(b.dtype)));
    }
    if (b.shape.count() != static_cast<std::int64_t>(columns)) {
      return ctx.error(fmt::format("the bias has {} elements: must be {}", b.shape.count(), columns));
    }
    if (b.quant != nullptr && !b.quant->scale.empty() && b.quant->scale.size() != 1 &&
        b.quant->scale.size() != columns) {
      return ctx.error(fmt::format("the bias has {} scales: must be 1 or {}", b.quant->scale.size(), columns));
    }
    bias.operand_ = &b;
    return bias;
  }

  bool is_float() const { return operand_ != nullptr && operand_->dtype == DType::f32; }
  float real(std::size_t c) const { return operand_->constant_as<float>()[c]; }

  // Saturated far outside int32; a NaN stays one.
  double code(std::size_t c, float sx, float sw, RequantMode mode) const {
    if (operand_ == nullptr) return 0;
    const double unit = static_cast<double>(sx) * static_cast<double>(sw);
    if (is_float()) {
      if (real(c) == 0) return 0;
      if (mode == RequantMode::floating_qnnpack) return std::nearbyint(real(c) * (1.0F / (sx * sw)));
      return std::nearbyint(static_cast<double>(real(c)) / unit);
    }
    const Quant* q = operand_->quant;
    double b = operand_->constant_as<std::int32_t>()[c];
    if (q == nullptr || q->scale.empty()) return b;
    const std::size_t entry = q->scale.size() == 1 ? 0 : c;
    if (entry < q->zero_point.size()) b -= q->zero_point[entry];
    const float sb = q->scale[entry];
    return within_one_ulp(sb, sx * sw) ? b : std::nearbyint(b * static_cast<double>(sb) / unit);
  }

 private:
  const Operand* operand_ = nullptr;
};

// The codes that the requantization aims at: those of the output, or of the sum's own operand where
// a residual joins.
Result<Codes> target_of(const OpContext& ctx, const graph::Residual* residual) {
  if (residual == nullptr) return activation_codes_of(ctx, ctx.outputs[0], "the output");
  Operand middle = ctx.outputs[0];
  middle.quant = &residual->quant;
  return activation_codes_of(ctx, middle, "the convolution below the residual add");
}

Result<AddParams> residual_add(const OpContext& ctx, const graph::Clamp& clamp, const Codes& own, bool first) {
  if (!ctx.has_input(3)) return ctx.error("the residual input is missing");
  const Operand &r = ctx.inputs[3], &y = ctx.outputs[0];
  if (!(r.shape == y.shape)) {
    return ctx.error(fmt::format("the residual has shape {}: must be {}", to_string(r.shape), to_string(y.shape)));
  }
  const Result<Codes> other = activation_codes_of(ctx, r, "the residual");
  if (!other) return other.status();
  const Result<Codes> sum = activation_codes_of(ctx, y, "the output");
  if (!sum) return sum.status();
  Result<AddParams> add =
      add_params(own.scale, own.zero_point, other->scale, other->zero_point, sum->scale, sum->zero_point,
                 code_range(sum->dtype, sum->scale, sum->zero_point, clamp), 1, ctx.requant, y.relabelled, first);
  if (!add) return ctx.error(add.status().message());
  return add;
}

// Whether the accumulator `sum`, the one nearest to zero, already ends at the last code on its side.
bool saturates(const Requant& r, std::size_t c, std::int64_t sum, bool upwards) {
  if (r.finish == Finish::accumulators) return false;
  const auto unbiased = static_cast<std::uint32_t>(sum) - static_cast<std::uint32_t>(r.bias[c]);
  return requantize(r, c, static_cast<std::int32_t>(unbiased)) == (upwards ? r.max : r.min);
}

}  // namespace

Status check_int8_operands(const OpContext& ctx) {
  if (const auto x = activation_codes_of(ctx, ctx.inputs[0], "the input"); !x) return x.status();
  const Operand& w = ctx.inputs[1];
  if (w.constant == nullptr) return ctx.error("the weights must be a constant");
  if (w.dtype != DType::s8 && w.dtype != DType::u8) {
    return ctx.error(fmt::format("the weights have type {}: must be s8 or u8", name_of(w.dtype)));
  }
  if (ctx.outputs[0].dtype == DType::f32) return {};
  return activation_codes_of(ctx, ctx.outputs[0], "the output").status();
}

Result<WeightQuant> weight_quant(const OpContext& ctx, int axis, std::size_t columns) {
  const Operand& w = ctx.inputs[1];
  const Quant* q = w.quant;
  if (q == nullptr || q->scale.empty() || q->zero_point.size() != q->scale.size()) {
    return ctx.error("the weights have no scale");
  }
  const std::size_t entries = q->scale.size();
  const auto channels = static_cast<std::size_t>(w.shape[axis]);
  if (entries != 1 && (q->axis != axis || entries != channels)) {
    return ctx.error(fmt::format("the weights have {} scales along axis {}: must be 1, or {} along axis {}", entries,
                                 q->axis, channels, axis));
  }
  const std::int32_t move = w.dtype == DType::u8 ? 128 : 0;  // to the zero point of s8 codes
  WeightQuant result;
  for (std::size_t c = 0; c < columns; ++c) {
    const float scale = q->scale[c % entries];
    const std::int32_t zero_point = q->zero_point[c % entries] - move;
    if (!is_scale(scale)) return ctx.error(fmt::format("weight scale {} of channel {}: must be above 0", scale, c));
    if (zero_point < -128 || zero_point > 127) {
      return ctx.error(fmt::format("weight zero point {} of channel {}: must be a code of {}", zero_point + move, c,
                                   name_of(w.dtype)));
    }
    result.scale.push_back(scale);
    result.zero_point.push_back(zero_point);
  }
  return result;
}

void absorb_zero_points(WeightMatrix& weights, WeightQuant& quant) {
  // An extra takes a kernel one instruction per row, the sums of rows at least ten: with one scale for
  // all channels, few channels are wide enough to need either.
  constexpr std::size_t kMostExcess = 4;
  const std::size_t most = kMostExcess + weights.all_columns() / 16;
  for (std::size_t c = 0; c < weights.all_columns(); ++c) {
    if (quant.zero_point[c] == 0) continue;
    const std::span<std::int8_t> codes(weights.codes.data() + c * weights.k(), weights.k());
    const auto [lowest, highest] = std::ranges::minmax(codes);
    std::int32_t move = -quant.zero_point[c];
    const auto beyond = [&](std::int32_t code) { return code + move - std::clamp(code + move, -128, 127); };
    const auto count =
        static_cast<std::size_t>(std::ranges::count_if(codes, [&](int code) { return beyond(code) != 0; }));
    const bool fits = beyond(highest) <= 127;  // the lowest always does: -127 is the most it can be beyond
    if (count > kMostExcess || weights.excess.size() + count > most || !fits) {
      move = std::clamp(move, -128 - lowest, 127 - highest);
    }
    for (std::size_t i = 0; i < codes.size(); ++i) {
      const std::int32_t excess = beyond(codes[i]);
      codes[i] = static_cast<std::int8_t>(codes[i] + move - excess);
      if (excess != 0) weights.excess.push_back({c, i / weights.kc, i % weights.kc, static_cast<std::int8_t>(excess)});
    }
    quant.zero_point[c] += move;
  }
}

std::vector<ColumnSums> column_sums(const WeightMatrix& weights, const WeightQuant& quant) {
  std::vector<ColumnSums> sums(weights.all_columns());
  for (std::size_t c = 0; c < sums.size(); ++c) {
    for (const int w : weights.column(c)) {
      sums[c].codes += w;
      sums[c].distance += std::abs(w - quant.zero_point[c]);
    }
  }
  for (const Excess& excess : weights.excess) {  // of the same sign as the code, whose zero point is 0
    sums[excess.column].codes += excess.weight;
    sums[excess.column].distance += std::abs(excess.weight);
  }
  return sums;
}

void Epilogue::resize(std::size_t columns) {
  bias.assign(columns + kPadding, 0);
  multiplier.assign(columns + kPadding, 0);
  shift.assign(columns + kPadding, 62);
  scale.assign(columns + kPadding, 0);
}

Status Epilogue::set_factor(const OpContext& ctx, std::size_t c, float sx, float sw, float so) {
  const double factor = fixed_factor(sx, sw, so);
  const FixedScale fixed = fixed_scale(factor);
  multiplier[c] = fixed.multiplier;
  shift[c] = fixed.shift;
  if (finish == Finish::fixed) {
    scale[c] = static_cast<float>(factor);
  } else {
    scale[c] = to_floats() ? sx * sw : floating_factor(sx, sw, so, ctx.requant);
  }
  if (!std::isnan(scale[c])) return {};
  return ctx.error(fmt::format("output channel {}: scales {}, {} and {} give no finite factor", c, sx, sw, so));
}

Requant Epilogue::requant(std::size_t first) const {
  return {.bias = bias.data() + first,
          .multiplier = multiplier.data() + first,
          .shift = shift.data() + first,
          .scale = scale.data() + first,
          .zero_point = zero_point,
          .min = min,
          .max = max,
          .finish = finish};
}

void Epilogue::make_floats(std::byte* row, std::size_t first, std::size_t n) const noexcept {
  for (std::size_t j = 0; j < n; ++j) {
    std::int32_t acc;
    std::memcpy(&acc, row + 4 * j, 4);
    float v = static_cast<float>(acc) * scale[first + j];
    if (!float_bias.empty()) v = v + float_bias[first + j];
    v = v < clamp.lo ? clamp.lo : v;
    v = v > clamp.hi ? clamp.hi : v;
    std::memcpy(row + 4 * j, &v, 4);
  }
}

Result<Epilogue> make_epilogue(const OpContext& ctx, const WeightQuant& quant, std::span<const ColumnSums> sums,
                               std::size_t k, const graph::Clamp& clamp, const graph::Residual* residual) {
  const Operand& x = ctx.inputs[0];
  const float sx = x.quant->scale[0];
  const std::int32_t zx = x.quant->zero_point[0];
  const CodeRange x_range = code_range(x.dtype);
  const std::int64_t reach = std::max(x_range.max - zx, zx - x_range.min);  // of |x - zx|
  const std::size_t columns = sums.size();

  Result<BiasCodes> biases = BiasCodes::create(ctx, columns);
  if (!biases) return biases.status();

  Epilogue e;
  e.resize(columns);
  e.clamp = clamp;
  float so = 1;
  if (ctx.outputs[0].dtype == DType::f32) {
    if (residual != nullptr) return ctx.error("a residual can only join an 8-bit output");
    e.finish = Finish::accumulators;
    if (biases->is_float()) e.float_bias.resize(columns);
  } else {
    const Result<Codes> target = target_of(ctx, residual);
    if (!target) return target.status();
    const CodeRange range =
        code_range(target->dtype, target->scale, target->zero_point, residual != nullptr ? residual->clamp : clamp);
    so = target->scale;
    e.zero_point = target->zero_point;
    e.min = range.min;
    e.max = range.max;
    e.finish = finish_of(ctx.requant);
    if (residual != nullptr) {
      const Result<AddParams> add = residual_add(ctx, clamp, *target, residual->residual_is_first);
      if (!add) return add.status();
      e.add = *add;
    }
  }
  if (std::ranges::any_of(quant.zero_point, [](std::int32_t z) { return z != 0; })) {
    e.weight_zero = quant.zero_point;
    e.weight_zero.resize(columns + kPadding);
  }

  for (std::size_t c = 0; c < columns; ++c) {
    const float sw = quant.scale[c];
    if (Status status = e.set_factor(ctx, c, sx, sw, so); !status) return status;
    double code = 0;
    if (e.float_bias.empty()) {
      code = biases->code(c, sx, sw, ctx.requant);
    } else {
      e.float_bias[c] = biases->real(c);
    }
    if (std::isnan(code)) return ctx.error(fmt::format("the bias of output channel {} is not a number", c));
    const std::int64_t swing = sums[c].distance * reach;
    const std::int64_t bound = std::numeric_limits<std::int32_t>::max() - swing;
    if (bound < 0) {
      return ctx.error(fmt::format("output channel {}: its accumulator may reach {}: must stay below 2^31", c, swing));
    }
    const auto limit = static_cast<double>(bound);
    const auto moved = static_cast<std::int64_t>(std::clamp(code, -limit, limit));
    if (static_cast<double>(moved) != code) {
      // Beyond the bound the exact sum does not fit; harmless only if every such sum ends at one code.
      e.bias[c] = static_cast<std::int32_t>(moved);
      if (!saturates(e.requant(0), c, code > 0 ? moved - swing : moved + swing, code > 0)) {
        return ctx.error(
            fmt::format("output channel {}: bias {:.0f} in units of {} with a sum of up to {}: must stay below 2^31", c,
                        code, static_cast<double>(sx) * sw, swing));
      }
    }
    // sum (x-zx)(w-zw) + b = sum x*(w-zw)  +  [b - zx*sum w + k*zx*zw], all mod 2^32.
    const std::int64_t constant = moved - zx * sums[c].codes + static_cast<std::int64_t>(k) * zx * quant.zero_point[c];
    e.bias[c] = static_cast<std::int32_t>(static_cast<std::uint32_t>(constant));
  }
  return e;
}

}  // namespace octet::kernels
