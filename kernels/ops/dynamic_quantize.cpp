// SPDX-License-Identifier: Apache-2.0
// lo = min(0, x...), hi = max(0, x...), NaN skipped and -0 as +0; s = f32((hi - lo) / 255), 1 if that is 0;
// zp = rne(clamp(0 - lo / s, 0, 255)); codes as Quantize makes them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/codes.h"

namespace octet::kernels {
namespace {

struct Extremes {
  float lo = 0, hi = 0;
};

// A comparison with NaN is false, so that it is skipped. Lanes let the compiler use vectors: the order does not
// matter to a smallest and a largest.
Extremes extremes_of(const float* x, std::int64_t n) noexcept {
  constexpr std::int64_t kLanes = 16;
  std::array<float, kLanes> lo{}, hi{};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) {
      const float v = x[i + static_cast<std::int64_t>(l)];
      lo[l] = v < lo[l] ? v : lo[l];
      hi[l] = v > hi[l] ? v : hi[l];
    }
  }
  for (; i < n; ++i) {
    lo[0] = x[i] < lo[0] ? x[i] : lo[0];
    hi[0] = x[i] > hi[0] ? x[i] : hi[0];
  }
  return {*std::ranges::min_element(lo), *std::ranges::max_element(hi)};
}

class DynamicQuantize final : public Prepared {
 public:
  DynamicQuantize(const OpContext& ctx, std::int64_t n)
      : signed_codes_(ctx.outputs[0].dtype == DType::s8),
        flip_(ctx.outputs[0].dtype == dtype_of(ctx.backend.activation) ? 0 : 0x80),
        quantize_(ctx.backend.quantize),
        n_(n),
        // Each slice looks at everything and writes its share: more slices than threads would look for nothing.
        slices_(std::min(slices_for(n, 4, ctx.threads), ctx.threads)),
        kernel_(fmt::format("{} quantize dynamic", ctx.backend.name)) {}

  int slices() const override { return slices_; }
  std::string kernel() const override { return kernel_; }

  void run(const Io& io, int slice) const noexcept override {
    const auto* x = io.input<float>(0);
    const Extremes range = extremes_of(x, n_);
    float scale = (range.hi - range.lo) / 255.0F;
    if (scale == 0) scale = 1;
    const float offset = 0.0F - range.lo / scale;
    // An infinite range leaves NaN here, which no comparison takes.
    const auto zero = static_cast<std::int32_t>(std::nearbyint(offset > 0 ? std::min(offset, 255.0F) : 0.0F));
    const bool backend_signed = signed_codes_ != (flip_ != 0);
    const std::int32_t shift = backend_signed ? 128 : 0;
    const Range share = share_of(n_, slice, slices_);
    auto* const out = io.output<std::uint8_t>() + share.first;
    const std::int64_t n = share.last - share.first;
    quantize_({.scale = scale, .zero_point = zero - shift, .min = -shift, .max = 255 - shift, .reciprocal = 0},
              x + share.first, out, static_cast<std::size_t>(n));
    for (std::int64_t i = 0; flip_ != 0 && i < n; ++i) out[i] ^= flip_;
    if (slice != 0) return;
    *io.output<float>(1) = scale;
    *io.output<std::uint8_t>(2) = static_cast<std::uint8_t>(signed_codes_ ? zero - 128 : zero);
  }

 private:
  bool signed_codes_;
  std::uint8_t flip_;  // from the backend's codes to the output's
  QuantizeFn quantize_;
  std::int64_t n_;
  int slices_;
  std::string kernel_;
};

}  // namespace

Result<PreparedOp> prepare_dynamic_quantize(const OpContext& ctx) {
  const bool fits = ctx.outputs.size() == 3 && ctx.inputs[0].dtype == DType::f32 &&
                    is_code_type(ctx.outputs[0].dtype) && ctx.outputs[1].dtype == DType::f32 &&
                    ctx.outputs[2].dtype == ctx.outputs[0].dtype && ctx.outputs[0].shape == ctx.inputs[0].shape;
  if (!fits) return ctx.error("must make codes, an f32 scale and a zero point of an f32 input");
  const Result<std::int64_t> count = count_of(ctx, ctx.outputs[0], "the output");
  if (!count) return count.status();
  return PreparedOp(std::make_unique<DynamicQuantize>(ctx, *count));
}

}  // namespace octet::kernels
