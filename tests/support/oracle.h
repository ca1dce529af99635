// SPDX-License-Identifier: Apache-2.0
// What the int8 operators with weights must give, computed from the definitions in wide integers:
// nothing here is shared with octet's kernels. Codes are plain ints, images channels-last.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace octet::oracle {

__extension__ typedef __int128 Wide;
enum class Mode { fixed, floating, floating_qnnpack };

inline Wide floor_divide(Wide a, Wide b) {
  const Wide q = a / b;
  return a % b < 0 ? q - 1 : q;
}

// Round to nearest, ties to even, without touching the rounding mode.
inline double round_even(double x) {
  const double below = std::floor(x), rest = x - below;
  if (rest != 0.5) return rest < 0.5 ? below : below + 1;
  return std::fmod(below, 2) == 0 ? below : below + 1;
}

// clamp(zo + floor((acc*m + 2^(s-1)) / 2^s)) with real ~ m * 2^-s, m of 31 bits.
inline int requantize_fixed(std::int64_t acc, double real, int zo, int lo, int hi) {
  Wide term = 0;
  if (real > 0) {
    double m = std::min(real, 512.0);
    int s = 0;
    for (; m < 0x1p30; ++s) m *= 2;
    for (; m >= 0x1p31; --s) m /= 2;
    m = round_even(m);
    if (m == 0x1p31) m /= 2, --s;
    const Wide unit = static_cast<Wide>(1) << std::min(s, 100);
    if (s <= 62) term = floor_divide(static_cast<Wide>(acc) * static_cast<std::int64_t>(m) + unit / 2, unit);
  }
  const Wide code = term + zo;
  return code < lo ? lo : code > hi ? hi : static_cast<int>(code);
}

inline int requantize_floating(std::int64_t acc, float factor, int zo, int lo, int hi) {
  const float product = static_cast<float>(acc) * factor;
  const double code = round_even(static_cast<double>(product)) + zo;
  return code < lo ? lo : code > hi ? hi : static_cast<int>(code);
}

inline float factor_of(float sx, float sw, float so, Mode mode) {
  const float product = sx * sw;
  return mode == Mode::floating ? product / so : product * (1.0F / so);
}

inline int requantize(std::int64_t acc, float sx, float sw, float so, int zo, int lo, int hi, Mode mode) {
  if (mode != Mode::fixed) return requantize_floating(acc, factor_of(sx, sw, so, mode), zo, lo, hi);
  return requantize_fixed(acc, static_cast<double>(sx) * static_cast<double>(sw) / static_cast<double>(so), zo, lo, hi);
}

struct Codes {
  float scale = 1;
  int zero = 0;
};

// a + b, or a - b with sign -1. The float modes round in three places: the product fb*zb, the zero
// points together, and the two fused multiply-adds.
inline int add(int a, Codes ca, int b, Codes cb, Codes co, int lo, int hi, Mode mode, int sign = 1) {
  if (mode != Mode::fixed) {
    const float fa = ca.scale / co.scale, fb = static_cast<float>(sign) * (cb.scale / co.scale);
    const float product = fb * static_cast<float>(cb.zero);
    const float zeros = static_cast<float>(co.zero) - std::fma(fa, static_cast<float>(ca.zero), product);
    const float sum = std::fma(static_cast<float>(a), fa, std::fma(static_cast<float>(b), fb, zeros));
    const double code = round_even(static_cast<double>(sum));
    return code < lo ? lo : code > hi ? hi : static_cast<int>(code);
  }
  const double so = co.scale, ratio = static_cast<double>(std::max(ca.scale, cb.scale)) / so;
  int log2 = 0;  // floor(log2(ratio))
  while (std::ldexp(1.0, log2) > ratio) --log2;
  while (std::ldexp(1.0, log2 + 1) <= ratio) ++log2;
  const int s = std::min(30, 20 - log2);
  const auto multiplier = [&](float scale) {
    return static_cast<std::int64_t>(round_even(static_cast<double>(scale) / so * std::ldexp(1.0, s)));
  };
  const Wide sum = static_cast<Wide>(multiplier(ca.scale)) * (a - ca.zero) +
                   static_cast<Wide>(sign * multiplier(cb.scale)) * (b - cb.zero);
  const Wide unit = static_cast<Wide>(1) << s;
  const Wide code = co.zero + floor_divide(sum + unit / 2, unit);
  return code < lo ? lo : code > hi ? hi : static_cast<int>(code);
}

// Sizes of a 2-d convolution; for a transposed one, `in` and `out` are those of its own input and output.
struct Conv {
  int batch = 1, in_h = 1, in_w = 1, in_c = 1, out_h = 1, out_w = 1, out_c = 1, groups = 1;
  int kernel_h = 1, kernel_w = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  int top = 0, left = 0, bottom = 0, right = 0;

  void set_output() {
    out_h = (in_h + top + bottom - (kernel_h - 1) * dilation_h - 1) / stride_h + 1;
    out_w = (in_w + left + right - (kernel_w - 1) * dilation_w - 1) / stride_w + 1;
  }
  void set_transposed_output(int more_h, int more_w) {
    out_h = (in_h - 1) * stride_h + (kernel_h - 1) * dilation_h + 1 - top - bottom + more_h;
    out_w = (in_w - 1) * stride_w + (kernel_w - 1) * dilation_w + 1 - left - right + more_w;
  }
};

// sum (x - zx) * (w - zw): x (batch, in_h, in_w, in_c), w (out_c, in_c/groups, kh, kw), zw (out_c)
// -> (batch, out_h, out_w, out_c). Outside the image x equals zx.
inline std::vector<std::int64_t> conv2d(const Conv& g, const std::vector<int>& x, int zx, const std::vector<int>& w,
                                        const std::vector<int>& zw) {
  std::vector<std::int64_t> y;
  const int in_g = g.in_c / g.groups, out_g = g.out_c / g.groups;
  for (int n = 0; n < g.batch; ++n)
    for (int oy = 0; oy < g.out_h; ++oy)
      for (int ox = 0; ox < g.out_w; ++ox)
        for (int o = 0; o < g.out_c; ++o) {
          std::int64_t sum = 0;
          for (int i = 0; i < in_g; ++i)
            for (int ky = 0; ky < g.kernel_h; ++ky)
              for (int kx = 0; kx < g.kernel_w; ++kx) {
                const int iy = oy * g.stride_h + ky * g.dilation_h - g.top;
                const int ix = ox * g.stride_w + kx * g.dilation_w - g.left;
                if (iy < 0 || ix < 0 || iy >= g.in_h || ix >= g.in_w) continue;
                const int c = o / out_g * in_g + i;
                const int code = x[static_cast<std::size_t>(((n * g.in_h + iy) * g.in_w + ix) * g.in_c + c)];
                const int weight = w[static_cast<std::size_t>(((o * in_g + i) * g.kernel_h + ky) * g.kernel_w + kx)];
                sum += static_cast<std::int64_t>(code - zx) * (weight - zw[static_cast<std::size_t>(o)]);
              }
          y.push_back(sum);
        }
  return y;
}

// The same from the other side: every input pixel spreads over the output. w (in_c, out_c/groups, kh, kw).
inline std::vector<std::int64_t> conv_transpose2d(const Conv& g, const std::vector<int>& x, int zx,
                                                  const std::vector<int>& w, const std::vector<int>& zw) {
  std::vector<std::int64_t> y(static_cast<std::size_t>(g.batch * g.out_h * g.out_w * g.out_c));
  const int in_g = g.in_c / g.groups, out_g = g.out_c / g.groups;
  for (int n = 0; n < g.batch; ++n)
    for (int iy = 0; iy < g.in_h; ++iy)
      for (int ix = 0; ix < g.in_w; ++ix)
        for (int c = 0; c < g.in_c; ++c)
          for (int j = 0; j < out_g; ++j)
            for (int ky = 0; ky < g.kernel_h; ++ky)
              for (int kx = 0; kx < g.kernel_w; ++kx) {
                const int oy = iy * g.stride_h + ky * g.dilation_h - g.top;
                const int ox = ix * g.stride_w + kx * g.dilation_w - g.left;
                if (oy < 0 || ox < 0 || oy >= g.out_h || ox >= g.out_w) continue;
                const int o = c / in_g * out_g + j;
                const int code = x[static_cast<std::size_t>(((n * g.in_h + iy) * g.in_w + ix) * g.in_c + c)];
                const int weight = w[static_cast<std::size_t>(((c * out_g + j) * g.kernel_h + ky) * g.kernel_w + kx)];
                y[static_cast<std::size_t>(((n * g.out_h + oy) * g.out_w + ox) * g.out_c + o)] +=
                    static_cast<std::int64_t>(code - zx) * (weight - zw[static_cast<std::size_t>(o)]);
              }
  return y;
}

}  // namespace octet::oracle
