// SPDX-License-Identifier: Apache-2.0
// One plain struct per op family: the only bridge between meaning (graph/) and computation (kernels/).
#pragma once

#include <octet/tensor.h>

#include <array>
#include <cstddef>
#include <limits>
#include <variant>
#include <vector>

namespace octet::graph {

// The result is clamped to [lo, hi]: Relu, Relu6 and Clip folded into the op before them.
struct Clamp {
  float lo = -std::numeric_limits<float>::infinity();
  float hi = std::numeric_limits<float>::infinity();
  bool active() const noexcept {
    return lo != -std::numeric_limits<float>::infinity() || hi != std::numeric_limits<float>::infinity();
  }
  friend bool operator==(const Clamp&, const Clamp&) = default;
};

enum class AutoPad : std::uint8_t { none, same_upper, same_lower, valid };

// A sliding window over (height, width). auto_pad is resolved into explicit pads, and becomes
// none, by shape inference as soon as the input size is known.
struct Window {
  std::array<std::int64_t, 2> kernel{1, 1};
  std::array<std::int64_t, 2> stride{1, 1};
  std::array<std::int64_t, 2> dilation{1, 1};
  std::array<std::int64_t, 2> pad_begin{0, 0};
  std::array<std::int64_t, 2> pad_end{0, 0};
  AutoPad auto_pad = AutoPad::none;
};

// A residual add fused behind a convolution: the convolution is first requantized to these codes,
// then the Add row of docs/arithmetic.md joins it with the residual input. Never changes bits.
struct Residual {
  bool present = false;
  Quant quant;             // per tensor: the convolution's own output parameters
  Clamp clamp;             // its own activation
  bool residual_is_first = false;  // the residual was the Add's left operand: sums of floats depend on it
};

// y = clamp(conv(x, w) + b). Inputs: x, w (out, in/groups, kh, kw), optional b (out), optional residual.
struct Conv2dAttrs {
  Window window;
  std::int64_t groups = 1;
  bool channels_last = false;  // x and y are NHWC; w is always (out, in/groups, kh, kw)
  Clamp clamp;
  Residual residual;
};

// Inputs: x, w (in, out/groups, kh, kw), optional b (out).
struct ConvTranspose2dAttrs {
  Window window;
  std::array<std::int64_t, 2> output_padding{0, 0};
  std::array<std::int64_t, 2> output_shape{0, 0};  // 0: not given; resolved into pads by inference
  std::int64_t groups = 1;
  bool channels_last = false;
  Clamp clamp;
};

// y = clamp(x * transpose(w) + b). x (..., k), w constant (n, k), optional b (n).
struct DenseAttrs {
  Clamp clamp;
};

// y = a * b over the last two axes, leading axes broadcast; neither operand need be constant.
struct MatMulAttrs {
  Clamp clamp;
};

enum class BinaryFn : std::uint8_t { add, sub, mul, div, pow, min, max };
struct BinaryAttrs {
  BinaryFn fn = BinaryFn::add;
  Clamp clamp;
};

enum class UnaryFn : std::uint8_t {
  relu, clip, leaky_relu, elu, sigmoid, hard_sigmoid, hard_swish, silu, tanh, gelu_erf, gelu_tanh,
  erf, exp, log, sqrt, reciprocal, neg, abs, floor, ceil, softplus
};
struct UnaryAttrs {
  UnaryFn fn = UnaryFn::relu;
  float alpha = 0, beta = 0;  // leaky_relu, elu: alpha; hard_sigmoid: clamp(alpha*x+beta, 0, 1)
  Clamp clip;                 // clip only
};

enum class PoolKind : std::uint8_t { max, average };
struct PoolAttrs {
  PoolKind kind = PoolKind::max;
  Window window;
  bool global = false;  // the window is the whole image
  bool ceil_mode = false;
  bool count_include_pad = false;
  bool channels_last = false;
};

struct ReduceMeanAttrs {
  std::vector<std::int64_t> axes;  // sorted, non-negative once the rank is known; empty: all
  bool keep_dims = true;
};

enum class ReduceFn : std::uint8_t { sum, max, min, prod };
struct ReduceAttrs {  // every reduction but the mean
  ReduceFn fn = ReduceFn::sum;
  std::vector<std::int64_t> axes;  // as in ReduceMeanAttrs
  bool keep_dims = true;
};

struct ArgMaxAttrs {  // the s64 index of the largest element along an axis
  std::int64_t axis = 0;
  bool keep_dims = true;
  bool last = false;      // of equal elements the last one instead of the first
  bool smallest = false;  // ArgMin
};

enum class CompareFn : std::uint8_t { equal, less, less_or_equal, logical_and, logical_or, logical_xor };
struct CompareAttrs {  // boolean result
  CompareFn fn = CompareFn::equal;
};

struct SoftmaxAttrs {
  std::int64_t axis = -1;
};

struct LayerNormAttrs {  // inputs: x, scale, optional bias; over axes [axis, rank)
  std::int64_t axis = -1;
  float epsilon = 1e-5F;
};

struct BatchNormAttrs {  // inputs: x, scale, bias, mean, variance; axis 1. Always rewritten by a pass.
  float epsilon = 1e-5F;
};

struct ConcatAttrs {
  std::int64_t axis = 0;
};

struct TransposeAttrs {
  std::vector<std::int64_t> perm;  // output axis i is input axis perm[i]
};

struct ReshapeAttrs {  // Reshape, Flatten, Squeeze, Unsqueeze: the result shape, known once inferred
  enum class Kind : std::uint8_t { reshape, flatten, squeeze, unsqueeze } kind = Kind::reshape;
  std::vector<std::int64_t> axes;  // flatten: {axis}; squeeze, unsqueeze: the axes if given as attribute
  bool allow_zero = false;
};

struct SliceAttrs {  // one entry per input axis, resolved by inference, which then drops the inputs
  std::vector<std::int64_t> start, step;
  // As written in old opsets (attributes); empty where they are inputs, and once resolved.
  std::vector<std::int64_t> given_starts, given_ends, given_axes;
  std::vector<std::int64_t> count;  // elements per axis, beside start and step; -1: all, however many
};

struct SplitAttrs {
  std::int64_t axis = 0;
  std::vector<std::int64_t> sizes;  // one per output once inferred
};

struct PadAttrs {  // constant mode; one entry per axis, resolved by inference
  std::vector<std::int64_t> begin, end;
  float value = 0;
};

struct ResizeAttrs {
  enum class Mode : std::uint8_t { nearest, linear } mode = Mode::nearest;
  enum class Coordinates : std::uint8_t { half_pixel, pytorch_half_pixel, align_corners, asymmetric } coordinates =
      Coordinates::half_pixel;
  enum class Nearest : std::uint8_t { round_prefer_floor, round_prefer_ceil, floor, ceil } nearest =
      Nearest::round_prefer_floor;
  std::vector<float> scales;  // one per axis; as given, or output / input if sizes were given
  std::vector<std::int64_t> axes;  // until the scales are resolved: the axes that the inputs cover; empty: all
};

struct GatherAttrs {
  std::int64_t axis = 0;
};

struct CastAttrs {
  DType to = DType::f32;
};

struct TileAttrs {  // input 1: how often each axis repeats, or (expand) the shape to broadcast to
  bool expand = false;
};

struct FillAttrs {  // ConstantOfShape: input 0 is the shape. Range: inputs are start, limit and step.
  bool range = false;
  DType type = DType::f32;
  std::array<std::byte, 8> element{};  // of ConstantOfShape, in `type`
};

// Products of codes whose parameters are computed by DynamicQuantize, per run, with constant weights as
// codes made ahead. Inputs: codes x, their zero point, codes w, optional scale of x, optional f32 bias.
// acc = sum of (x - zx) * (w - zw); y = clamp(f32(f32(acc) * f32(sx * sw)) + b) in f32, or f32(acc) without sx.
struct DynamicDenseAttrs {  // x (..., k), w (n, k), b (n)
  Clamp clamp;
};
struct DynamicConv2dAttrs {  // x (n, c, h, w), w (out, in/groups, kh, kw), b (out)
  Window window;
  std::int64_t groups = 1;
  bool channels_last = false;
  Clamp clamp;
};

// Float to codes and back. The parameters live in the Quant of the output (Quantize) or input
// (Dequantize) value.
struct QuantizeAttrs {
  bool reciprocal = false;  // multiply by f32(1/scale) as PyTorch does, instead of dividing as ONNX
  Clamp clamp;              // an activation between the op and this node
};

using Attrs = std::variant<std::monostate, Conv2dAttrs, ConvTranspose2dAttrs, DenseAttrs, MatMulAttrs, BinaryAttrs,
                           UnaryAttrs, PoolAttrs, ReduceMeanAttrs, ReduceAttrs, ArgMaxAttrs, CompareAttrs, SoftmaxAttrs,
                           LayerNormAttrs, BatchNormAttrs, ConcatAttrs, TransposeAttrs, ReshapeAttrs, SliceAttrs,
                           SplitAttrs, PadAttrs, ResizeAttrs, GatherAttrs, CastAttrs, TileAttrs, FillAttrs,
                           DynamicDenseAttrs, DynamicConv2dAttrs, QuantizeAttrs>;

}  // namespace octet::graph
