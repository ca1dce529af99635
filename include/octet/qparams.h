// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include <cstdint>
#include <limits>
#include <span>

namespace octet {

/// The values that codes shall cover, both ends included. Empty (min > max) until something was seen.
struct Range {
  float min = std::numeric_limits<float>::infinity();
  float max = -std::numeric_limits<float>::infinity();

  bool empty() const noexcept { return !(min <= max); }
  void include(const Range& other) noexcept {
    min = other.min < min ? other.min : min;
    max = other.max > max ? other.max : max;
  }
  friend bool operator==(const Range&, const Range&) = default;
};

/// Inclusive bounds of codes.
struct CodeBounds {
  std::int32_t min, max;
  friend bool operator==(const CodeBounds&, const CodeBounds&) = default;
};

/// How codes relate to reals: `affine` puts the zero point where the range wants it, `symmetric` at the
/// middle code.
enum class Scheme : std::uint8_t { affine, symmetric };

/// What the larger end of a range is divided by to give the scale. The rules differ for symmetric
/// codes only, except that `fused` also has an affine form of its own.
enum class ScaleRule : std::uint8_t {
  exact,  ///< by the largest code beside the zero point (127): the largest value is exact
  half,   ///< by half the number of steps (127.5): the observers of PyTorch
  fused   ///< as the fused fake-quantization of PyTorch, which is affine where all values have one sign
};

/// The codes a tensor may use and how its scale is chosen.
struct QuantSpec {
  DType dtype = DType::u8;  ///< u8 or s8
  Scheme scheme = Scheme::affine;
  int quant_min = 0, quant_max = 255;  ///< inclusive; the scale spreads the range over these codes
  bool per_channel = false;            ///< one scale per output channel; for weights only
  float eps = 1.1920929e-07F;          ///< no scale is smaller than this (2^-23)
  ScaleRule rule = ScaleRule::exact;
  bool reduce_range = false;  ///< halves 256 codes to 128: u8 0..127, s8 -64..63

  /// quant_min and quant_max after reduce_range, which leaves fewer than 256 codes alone.
  CodeBounds bounds() const noexcept;
  friend bool operator==(const QuantSpec&, const QuantSpec&) = default;
};

/// Scale and zero point for values in `range`, computed in binary32. The range is widened to hold 0, so
/// that padding and the floor of a ReLU have an exact code, and no scale is below spec.eps:
///   affine:     scale = (max - min) / (quant_max - quant_min)
///               zero_point = clamp(quant_min - rne(min / scale), quant_min, quant_max)
///   symmetric:  scale = max(-min, max) / d,  zero_point = the middle code (128 for u8, 0 for s8)
///               d = (quant_max - quant_min) / 2 for `half`; for `exact` the fewest codes on a side of it
/// Refused: a spec whose codes cannot exist, an empty or non-finite range, a scale beyond binary32.
Result<Quant> choose_qparams(Range range, const QuantSpec& spec);
/// One scale and zero point per entry of `channels`, which lie along `axis`.
Result<Quant> choose_qparams(std::span<const Range> channels, int axis, const QuantSpec& spec);

/// x / scale as ONNX says it, or x * f32(1/scale) as PyTorch does. They differ in about 3% of the
/// values that fall halfway between two codes.
enum class QuantizeBy : std::uint8_t { division, reciprocal };

/// code = clamp(rne(x / scale) + zero_point) for each value, per tensor or per index of quant.axis;
/// NaN gives the zero point, infinities the bounds. `values` and `codes` are row-major of `shape`.
/// Refused: sizes that disagree, and a Quant that does not fit the shape.
Status quantize_tensor(std::span<const float> values, const Shape& shape, const Quant& quant,
                       std::span<std::uint8_t> codes, QuantizeBy by = QuantizeBy::division,
                       CodeBounds bounds = {0, 255});
Status quantize_tensor(std::span<const float> values, const Shape& shape, const Quant& quant,
                       std::span<std::int8_t> codes, QuantizeBy by = QuantizeBy::division,
                       CodeBounds bounds = {-128, 127});

/// value = f32(scale * (code - zero_point)); refused as above.
Status dequantize_tensor(std::span<const std::uint8_t> codes, const Shape& shape, const Quant& quant,
                         std::span<float> values);
Status dequantize_tensor(std::span<const std::int8_t> codes, const Shape& shape, const Quant& quant,
                         std::span<float> values);

}  // namespace octet
