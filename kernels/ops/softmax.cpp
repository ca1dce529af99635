// SPDX-License-Identifier: Apache-2.0
// Softmax of codes along one axis. A code's exponential depends only on its distance to the largest
// code, so 256 of them are made when the op is prepared.
#include <fmt/format.h>

#include <array>
#include <cmath>
#include <cstring>

#include "kernels/codes.h"
#include "kernels/exact_math.h"
#include "kernels/float_ops.h"
#include "kernels/requantize.h"

namespace octet::kernels {

#include "kernels/requantize.inl"

namespace {

struct SoftmaxShape {
  std::int64_t outer, n, inner;  // the input as (outer, n, inner), softmax over n
};

// T[d] = rne(2^22 * exp(-sx * d)); a sum of them is exact in any order.
struct FixedSoftmax {
  std::array<std::uint32_t, 256> table;
  double scale;
  std::int32_t zero_point;
  CodeRange range;

  FixedSoftmax(const Codes& in, const Codes& out, RequantMode)
      : scale(out.scale), zero_point(out.zero_point), range(code_range(out.dtype)) {
    for (std::size_t d = 0; d < table.size(); ++d) {
      table[d] = static_cast<std::uint32_t>(
          std::nearbyint(4194304.0 * exact::exp(-static_cast<double>(in.scale) * static_cast<double>(d))));
    }
  }
  template <class Distance>
  double sum(std::int64_t n, Distance distance) const {
    std::uint64_t total = 0;
    for (std::int64_t i = 0; i < n; ++i) total += table[distance(i)];
    return static_cast<double>(total) * scale;
  }
  std::int32_t code(double scaled_sum, std::uint8_t d) const {
    const double value = zero_point + std::floor(table[d] / scaled_sum + 0.5);
    return static_cast<std::int32_t>(value < range.min ? range.min : value > range.max ? range.max : value);
  }
};

// The float modes: exponentials and probabilities in f32, summed in the order of the float islands
// (element i into lane i % 16, lanes folded by halves).
struct FloatSoftmax {
  std::array<float, 256> table;
  float scale;
  std::int32_t zero_point;
  CodeRange range;
  bool reciprocal;

  FloatSoftmax(const Codes& in, const Codes& out, RequantMode mode)
      : scale(out.scale),
        zero_point(out.zero_point),
        range(code_range(out.dtype)),
        reciprocal(mode == RequantMode::floating_qnnpack) {
    for (std::size_t d = 0; d < table.size(); ++d) {
      table[d] = static_cast<float>(exact::exp(-static_cast<double>(in.scale) * static_cast<double>(d)));
    }
  }
  template <class Distance>
  float sum(std::int64_t n, Distance distance) const {
    float lanes[16] = {};
    for (std::int64_t i = 0; i < n; ++i) lanes[i % 16] += table[distance(i)];
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) lanes[i] += lanes[i + half];
    }
    return lanes[0];
  }
  std::int32_t code(float total, std::uint8_t d) const {
    const float p = table[d] / total;
    const float lo = static_cast<float>(range.min - zero_point), hi = static_cast<float>(range.max - zero_point);
    const float v = reciprocal ? p * (1.0F / scale) : p / scale;
    return round_half_even(v < lo ? lo : v > hi ? hi : v) + zero_point;
  }
};

template <class Arithmetic>
class SoftmaxOp final : public Prepared {
 public:
  SoftmaxOp(const OpContext& ctx, const SoftmaxShape& shape, const Codes& in, const Codes& out)
      : shape_(shape),
        arithmetic_(in, out, ctx.requant),
        flip_(in.dtype == DType::s8 ? 0x80 : 0),
        slices_(slices_for(shape.outer * shape.inner, 8.0 * static_cast<double>(shape.n), ctx.threads)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return "softmax"; }
  std::size_t weight_bytes() const override { return sizeof(arithmetic_.table); }
  void run(const Io& io, int slice) const noexcept override {
    const Range share = share_of(shape_.outer * shape_.inner, slice, slices_);
    for (std::int64_t unit = share.first; unit < share.last; ++unit) {
      const std::int64_t at = unit / shape_.inner * shape_.n * shape_.inner + unit % shape_.inner;
      const std::uint8_t* row = io.input<std::uint8_t>(0) + at;
      std::uint8_t* out = io.output<std::uint8_t>() + at;
      // Flipping the top bit puts s8 bytes into the order of their codes.
      const auto ranked = [&](std::int64_t i) { return static_cast<std::uint8_t>(row[i * shape_.inner] ^ flip_); };
      std::uint8_t most = 0;
      for (std::int64_t i = 0; i < shape_.n; ++i) most = ranked(i) > most ? ranked(i) : most;
      const auto distance = [&](std::int64_t i) { return static_cast<std::uint8_t>(most - ranked(i)); };
      const auto sum = arithmetic_.sum(shape_.n, distance);
      const auto code = [&](std::uint8_t d) { return static_cast<std::uint8_t>(arithmetic_.code(sum, d)); };
      if (shape_.n < kLongRow) {
        for (std::int64_t i = 0; i < shape_.n; ++i) out[i * shape_.inner] = code(distance(i));
        continue;
      }
      std::uint8_t codes[256];
      codes[0] = code(0), codes[255] = code(255);
      fill_between(code, 0, 255, codes);
      for (std::int64_t i = 0; i < shape_.n; ++i) out[i * shape_.inner] = codes[distance(i)];
    }
  }

 private:
  // A division per element costs more than the rest of a row. Codes never rise with the distance, so between two
  // distances of one code there is no other, and a long row has few different ones.
  static constexpr std::int64_t kLongRow = 64;
  template <class Code>
  static void fill_between(const Code& code, std::size_t first, std::size_t last, std::uint8_t* codes) {
    if (last - first < 2) return;
    if (codes[first] == codes[last]) {
      std::memset(codes + first + 1, codes[first], last - first - 1);
      return;
    }
    const std::size_t middle = (first + last) / 2;
    codes[middle] = code(static_cast<std::uint8_t>(middle));
    fill_between(code, first, middle, codes);
    fill_between(code, middle, last, codes);
  }

  SoftmaxShape shape_;
  Arithmetic arithmetic_;
  std::uint8_t flip_;
  int slices_;
};

}  // namespace

Result<PreparedOp> prepare_softmax(const OpContext& ctx) {
  const Operand& x = ctx.inputs[0];
  const Operand& y = ctx.outputs[0];
  if (!is_code_type(y.dtype)) return fp32::prepare_softmax(ctx);
  const Result<Codes> in = codes_of(ctx, x, "the input");
  if (!in.ok()) return in.status();
  const Result<Codes> out = codes_of(ctx, y, "the output");
  if (!out.ok()) return out.status();
  const Result<std::int64_t> count = count_of(ctx, x, "the input");
  if (!count.ok()) return count.status();
  if (!(x.shape == y.shape)) return ctx.error("the output's shape must be the input's");
  const int rank = x.shape.rank();
  const Result<int> axis = axis_of(ctx, std::get<graph::SoftmaxAttrs>(ctx.attrs).axis, rank);
  if (!axis.ok()) return axis.status();
  const SoftmaxShape shape{
      .outer = x.shape.count(0, *axis), .n = x.shape[*axis], .inner = x.shape.count(*axis + 1, rank)};
  if (finish_of(ctx.requant) == Finish::fixed) {
    return PreparedOp(std::make_unique<SoftmaxOp<FixedSoftmax>>(ctx, shape, *in, *out));
  }
  return PreparedOp(std::make_unique<SoftmaxOp<FloatSoftmax>>(ctx, shape, *in, *out));
}

}  // namespace octet::kernels
