// SPDX-License-Identifier: Apache-2.0
// Products of whole numbers: codes less their zero points, without scales. Where the zero point of the left codes is
// computed they are dynamic products, which is how octet writes those.
#pragma once

#include <octet/status.h>

#include "graph/import/onnx_node.h"

namespace octet::graph {

// DynamicQuantizeLinear's three results for a float x: codes (u8), their scale and their zero point.
struct DynamicCodes {
  ValueId codes, scale, zero_point;
};
DynamicCodes quantize_dynamically(ImportContext& context, ValueId x);

// f32(sum of (a - za) * (w - zw)) for codes a whose zero point `za` is computed, and codes w (k, n), a constant with
// its parameters. What makes no such product is an error.
Result<ValueId> dynamic_product(ImportContext& context, ValueId a, ValueId za, ValueId w, const Quant& quant);
// The same for a convolution with the node's window attributes; w (out, in/groups, spatial...).
Result<ValueId> dynamic_convolution(ImportContext& context, ValueId a, ValueId za, ValueId w, const Quant& quant);

// The parameters of input `index` as numbers of scale 1, its zero points in input `zero`: a constant.
Result<Quant> unit_quant_of(const ImportContext& context, std::size_t index, std::size_t zero, int axis);
// ConvInteger and MatMulInteger whose input 2 is computed.
template <bool convolution>
Status import_dynamic_product(ImportContext& context);
// f32(sum) as the s32 that ONNX defines. An exact product of whole numbers is a whole number, which f32 holds up to
// 2^24. Beyond that only a Cast back to float, which rounds in the same way, may read it; graph/ops/cast.cpp joins the
// two.
Status finish_integers(ImportContext& context, const Result<ValueId>& product);

}  // namespace octet::graph
