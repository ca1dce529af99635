// SPDX-License-Identifier: Apache-2.0
// The whole contract between a backend folder and the rest of octet.
//
// Compiled with many different -m flags: declares, never defines (docs/odr.md).
//
// "Codes" are bytes: uint8_t where Backend::activation is u8, int8_t behind the same pointer type
// where it is s8. Weights are int8_t (or int16_t, see Packing). Every activation row may be
// read up to kOverread bytes past its end; what stands there is multiplied by zero weights.
// Nothing is ever written outside the stated outputs. Pointers have no alignment but their type's;
// packed weights are aligned to 64 bytes.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace octet::kernels {

enum : size_t { kOverread = 64, kWeightAlignment = 64 };

// What follows the int32 accumulator (docs/arithmetic.md).
enum class Finish : int32_t {
  fixed,        // clamp(zp + ((int64(acc) * multiplier + (1 << (shift-1))) >> shift), min, max)
  floating,     // clamp(zp + rne(f32(f32(acc) * scale)), min, max), clamped before the conversion
  accumulators  // int32 results, bias included, nothing else
};

// Per output column j. Arrays are padded to the packed width and readable there.
struct Requant {
  const int32_t* bias;        // (n) added mod 2^32
  const int32_t* multiplier;  // (n) in [2^30, 2^31), or 0 for a term of 0
  const int32_t* shift;       // (n) in [21, 62]
  const float* scale;         // (n) floating: the exact factor. fixed: f32(M), for guarded fast paths
  int32_t zero_point;         // of the output codes
  int32_t min, max;           // of the output codes
  Finish finish;
};

// out = clamp(zo + ((ma*(a-za) + mb*(b-zb) + (1 << (shift-1))) >> shift)); the sum fits int32.
// floating: clamp(rne(fma(a-za, fa, fma(b-zb, fb, fc))) + zo), or with b_first the same from b around a.
// The zero points are inside fc; za, zb and zo are what relabelling has added to the model's codes.
struct AddParams {
  int32_t za, zb, zo;
  int32_t ma, mb;    // |m| <= 2^21
  int32_t shift;     // in [1, 30]
  float fa, fb, fc;
  int32_t min, max;
  Finish finish;     // fixed or floating
  bool b_first = false;
};

// acc = (a-za)*(b-zb), then requantize with one (multiplier, shift) or scale.
struct MulParams {
  int32_t za, zb, zo;
  int32_t multiplier, shift;
  float scale;
  int32_t min, max;
  Finish finish;
};

// What a weight exceeds s8 by, of all columns at one place of the sum.
struct GemmExtra {
  size_t tap, k;
  const int8_t* weights;  // (block width, 4): one weight, then three zeros
};

// C[i][j] = finish(bias[j] + sum over t < taps, p < kc of rows[i*taps + t][p] * (W[t][p][j] - weight_zero[j]))
//   where W includes the extras,
//   for i < m, j < n, one column block of the packed weights.
// With add: C = add(C as codes with requant's zp/min/max, residual[i][j]).
struct GemmArgs {
  const uint8_t* const* rows;  // (m, taps) pointers to kc codes each
  size_t m, taps, kc;
  size_t n;                    // columns in this block, 1..nr
  const void* weights;         // one block, see Packing
  void* out;                   // (m, n) codes, or int32 for Finish::accumulators
  size_t out_stride;           // elements between rows of out
  const Requant* requant;      // its arrays start at this block's first column
  const AddParams* add;        // nullptr: no residual
  const uint8_t* residual;     // (m, n) codes
  size_t residual_stride;
  const uint8_t* zeros;        // if not nullptr: what stands behind this pointer in rows is codes 0, which need no sum
  // Weights whose zero point is not in W already: almost always none. For few weights beyond s8
  // extras cost less, for many a zero point.
  const int32_t* weight_zero;  // (block width), or nullptr: all 0
  const GemmExtra* extras;     // (n_extras)
  size_t n_extras;
};
using GemmFn = void (*)(const GemmArgs&);

// Which 16-bit sum of two products a GEMM relies on.
enum Saturates : uint8_t {
  kSaturatesNot = 0,
  kSaturatesU8 = 1,  // vpmaddubsw: codes u8, k and k + 1
  kSaturatesS8 = 2   // smull + smlal: codes s8, k and k + 8 of every 16
};

// How a block of columns lies in memory: zeros beyond kc and n, the block width being n rounded up to Gemm::nu.
enum Packing : uint8_t {
  kPackCodes = 0,       // int8_t (taps, ceil(kc/kr), block width, kr)
  kPackWords = 1,       // int16_t in the same order
  kPackComplement = 2,  // int8_t, with what 16-bit sums need to be exact: kernels/pack_sums.h
  kPackQuads = 3        // the same for sums of four products
};

// The tile geometry from which kernels/pack.h derives the packed layout.
struct Gemm {
  GemmFn run;         // nullptr: inherit
  uint8_t mr;         // rows the kernel likes best at a time (any m is accepted)
  uint8_t nr;         // most columns in one block
  uint8_t nu;         // a narrower last block is padded to a multiple of this
  uint8_t kr;         // consecutive k of one column that lie together
  Packing packing;
  uint8_t saturates;  // a Saturates: only exact where kernels/saturation.h proves it; 0: everywhere
};

// Channel-wise convolution along runs of output pixels, one run per output row (rows and count at least 1):
//   out[y][x][c] = finish(bias[c] + sum over ky < kh, kx < kw of
//                  taps[y][ky*kw + kx][x*step + c] * W[ky*kw + kx][c]),  y < rows, x < count, c < channels
// Many rows per call because a kernel rearranges weights and requant arrays once per call and channel
// block. One call for the interior and one per border column (count 1) serve a whole image.
struct DepthwiseArgs {
  const uint8_t* const* taps;  // (rows, kh, kw) pointers for each row's first pixel
  size_t kh, kw;
  size_t step;                 // bytes from one output pixel's taps to the next
  size_t rows, count, channels;
  const int8_t* weights;       // (kh*kw, padded channels), zeros beyond channels; padded to 64
  uint8_t* out;                // (rows, count, channels) codes, or int32 for Finish::accumulators
  size_t out_stride;           // elements between pixels
  size_t out_row_stride;       // elements between rows
  const Requant* requant;
};
using DepthwiseFn = void (*)(const DepthwiseArgs&);

// The case that mobile networks are made of, 3x3 taps side by side, for whole rows with their padding: with image
// column i(x, kx) = x*stride - left + kx,
//   out[y][x][c] = finish(bias[c] + sum over ky, kx < 3 of p(y, ky, kx) * w(ky, kx)),  x < count, c < channels,
//   where p = rows[3*y + ky][i * channels + c] if 0 <= i < width, else zero,
//   and w = W[3*ky + kx][c], but w = W[6 + kx][c] + W[9 + kx][c] for ky = 2: weights of one row may exceed s8.
struct Depthwise3x3Args {
  const uint8_t* const* rows;  // (n_rows, 3) pointers to the first pixel of image rows, or of rows of zero points
  size_t n_rows, count, channels;
  size_t stride;               // columns from one output pixel to the next: 1 or 2
  size_t left;                 // columns of padding before the image: 0 or 1
  size_t width;                // columns of the image
  uint8_t zero;                // the code of padding
  const int8_t* weights;       // (12, padded channels) as for DepthwiseArgs
  uint8_t* out;                // (n_rows, count, channels) codes, without gaps
  const Requant* requant;      // fixed or floating
};
using Depthwise3x3Fn = void (*)(const Depthwise3x3Args&);

// a_step and b_step are 1, or 0 where that operand is one code for all n.
using AddFn = void (*)(const AddParams&, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step,
                       uint8_t* out, size_t n);
using MulFn = void (*)(const MulParams&, const uint8_t* a, size_t a_step, const uint8_t* b, size_t b_step,
                       uint8_t* out, size_t n);
// out[i] = table[in[i]]; for s8 codes the table is indexed by the code's byte.
using LookupFn = void (*)(const uint8_t* table, const uint8_t* in, uint8_t* out, size_t n);
// out[c] = max over t of taps[t][c], in the order of the activation's signedness
using MaxPoolFn = void (*)(const uint8_t* const* taps, size_t n_taps, size_t channels, uint8_t* out);
// out[c] = finish(sum over t of (taps[t][c] - zx)), requant entry 0 for every channel, bias[0] = -n_taps*zx
using AvgPoolFn = void (*)(const uint8_t* const* taps, size_t n_taps, size_t channels, const Requant&, uint8_t* out);
// clamp(rne(f32(x / scale)) + zp), clamped in float before the conversion; a NaN counts as 0.
// reciprocal != 0: x * f32(1/scale) instead of the division.
struct QuantizeParams {
  float scale;
  int32_t zero_point, min, max;
  int32_t reciprocal;
};
using QuantizeFn = void (*)(const QuantizeParams&, const float* in, uint8_t* out, size_t n);
// f32(scale * float(code - zp))
using DequantizeFn = void (*)(float scale, int32_t zero_point, const uint8_t* in, float* out, size_t n);
// out[j] = finish(acc[j]) per column, for accumulators that no other kernel finishes (resizing)
using RequantizeFn = void (*)(const Requant&, const int32_t* acc, uint8_t* out, size_t n);

enum class Activation : int32_t { u8, s8 };

// CPU features a backend can ask for; kernels/cpu.h knows which this machine has.
enum CpuFeature : uint64_t {
  kCpuAvx2 = 1, kCpuFma = 2, kCpuAvxVnni = 4, kCpuAvx512 = 8 /* F, BW, DQ, VL */, kCpuAvx512Vnni = 16,
  kCpuAvx512Vbmi = 32, kCpuNeon = 64, kCpuDotprod = 128, kCpuI8mm = 256
};

// One backend. Empty slots are taken from `base`.
struct Backend {
  const char* name;
  const char* description;
  uint64_t needs;          // CpuFeature bits
  const Backend* base;     // weaker backend with the same activation; nullptr: no slot is empty
  Activation activation;
  Gemm gemm;               // the fast one
  Gemm gemm_exact{};       // for column blocks where gemm.saturates and the proof fails
  Gemm gemm_complement{};  // optional: faster for nearly all of those
  Gemm gemm_quads{};       // optional: faster than the fast one where more is proven
  DepthwiseFn depthwise;
  Depthwise3x3Fn depthwise3x3;  // optional: faster than depthwise
  AddFn add;
  MulFn mul;
  LookupFn lookup;
  MaxPoolFn max_pool;
  AvgPoolFn avg_pool;
  QuantizeFn quantize;
  DequantizeFn dequantize;
  RequantizeFn requantize;
};

}  // namespace octet::kernels
