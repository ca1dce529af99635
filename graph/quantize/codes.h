// SPDX-License-Identifier: Apache-2.0
// Reals to codes and back, one value or one tensor at a time: the "Quantizing" table of
// docs/arithmetic.md. graph/ may not call kernels; this is what conversion and constants use.
#pragma once

#include <octet/qparams.h>
#include <octet/status.h>
#include <octet/tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>

namespace octet::graph {

using octet::CodeBounds;
using octet::QuantizeBy;

CodeBounds bounds_of(DType dtype);  // u8 or s8

// clamp(rne(f32(x / scale)) + zero_point); NaN gives the zero point, infinities the bounds.
std::int32_t quantize_value(float x, float scale, std::int32_t zero_point, CodeBounds bounds,
                            QuantizeBy by = QuantizeBy::division);
// f32(scale * float(code - zero_point))
float dequantize_value(std::int32_t code, float scale, std::int32_t zero_point);

// A whole tensor of `shape`, per tensor or per index of quant.axis. dtype is u8 or s8; `bounds` may
// be narrower than its range. Refused: sizes that disagree, or a Quant that does not fit the shape.
Status quantize_tensor(std::span<const float> values, const Shape& shape, const Quant& quant, DType dtype,
                       CodeBounds bounds, QuantizeBy by, std::span<std::byte> codes);
Status dequantize_tensor(std::span<const std::byte> codes, const Shape& shape, const Quant& quant, DType dtype,
                         std::span<float> values);

}  // namespace octet::graph
