// SPDX-License-Identifier: Apache-2.0
// The NORMATIVE integer arithmetic, one value at a time: every backend equals these lines bit for
// bit, on every input. Text to be included into a backend's own namespace (docs/odr.md); needs
// kernels/microkernels.h before it. docs/arithmetic.md derives the formulas.

namespace {

// Round to nearest, ties to even, of a value already clamped to |v| <= 2^21: adding 1.5 * 2^23
// leaves no fraction bits, in the default rounding mode that octet sets around its work.
inline int32_t round_half_even(float v) {
  const float magic = 12582912.0F;
  return static_cast<int32_t>((v + magic) - magic);
}

// Finish::fixed. acc: any int32, bias included. multiplier: 0 or [2^30, 2^31). shift: [21, 62].
inline int32_t requantize_fixed(int32_t acc, int32_t multiplier, int32_t shift, int32_t zero_point, int32_t min,
                                int32_t max) {
  const int64_t product = static_cast<int64_t>(acc) * multiplier;                      // |product| < 2^62
  const int64_t rounded = (product + (static_cast<int64_t>(1) << (shift - 1))) >> shift;  // |.| <= 2^41, no wrap before
  const int64_t code = rounded + zero_point;                                           // 64-bit: cannot wrap
  return static_cast<int32_t>(code < min ? min : code > max ? max : code);
}

// Finish::floating. Clamping first gives the same code as clamping last, and keeps the conversion in range.
inline int32_t requantize_floating(int32_t acc, float scale, int32_t zero_point, int32_t min, int32_t max) {
  const float lo = static_cast<float>(min - zero_point);
  const float hi = static_cast<float>(max - zero_point);
  float v = static_cast<float>(acc) * scale;
  v = v < lo ? lo : v;
  v = v > hi ? hi : v;
  return round_half_even(v) + zero_point;
}

// Column j of a Requant, Finish::fixed or floating; acc without the bias.
inline int32_t requantize(const Requant& r, size_t j, int32_t acc) {
  const int32_t sum = static_cast<int32_t>(static_cast<uint32_t>(acc) + static_cast<uint32_t>(r.bias[j]));
  return r.finish == Finish::fixed
             ? requantize_fixed(sum, r.multiplier[j], r.shift[j], r.zero_point, r.min, r.max)
             : requantize_floating(sum, r.scale[j], r.zero_point, r.min, r.max);
}

// The Add row. |ma*(a-za)| <= 2^21 * 255 < 2^29, so the sum of three terms stays below 2^31.
inline int32_t add_codes(const AddParams& p, int32_t a, int32_t b) {
  if (p.finish == Finish::fixed) {
    const int32_t sum = p.ma * (a - p.za) + p.mb * (b - p.zb) + (1 << (p.shift - 1));
    const int32_t code = (sum >> p.shift) + p.zo;
    return code < p.min ? p.min : code > p.max ? p.max : code;
  }
  const float fa = static_cast<float>(a - p.za);
  const float fb = static_cast<float>(b - p.zb);
  const float lo = static_cast<float>(p.min - p.zo);
  const float hi = static_cast<float>(p.max - p.zo);
  float v = p.b_first ? __builtin_fmaf(fb, p.fb, __builtin_fmaf(fa, p.fa, p.fc))
                      : __builtin_fmaf(fa, p.fa, __builtin_fmaf(fb, p.fb, p.fc));
  v = v < lo ? lo : v;
  v = v > hi ? hi : v;
  return round_half_even(v) + p.zo;
}

// The Mul row: |(a-za)*(b-zb)| <= 255^2.
inline int32_t mul_codes(const MulParams& p, int32_t a, int32_t b) {
  const int32_t acc = (a - p.za) * (b - p.zb);
  return p.finish == Finish::fixed ? requantize_fixed(acc, p.multiplier, p.shift, p.zo, p.min, p.max)
                                   : requantize_floating(acc, p.scale, p.zo, p.min, p.max);
}

}  // namespace
