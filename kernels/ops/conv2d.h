// SPDX-License-Identifier: Apache-2.0
// The three ways of computing an int8 convolution; kernels/ops/conv2d.cpp chooses. What all of them check.
#pragma once

#include "kernels/indirection.h"
#include "kernels/op.h"

namespace octet::kernels {

// The sizes of input 0, weights in input 1 and output 0. Checks everything the kernels rely on, so that a graph
// that slipped through can never make them read outside their operands.
Result<ConvGeometry> conv2d_geometry(const OpContext& ctx, const graph::Window& window, std::int64_t groups,
                                     bool channels_last);

// Any convolution: indirection table and packed GEMM, one set of column blocks per group.
Result<PreparedOp> prepare_conv2d_gemm(const OpContext& ctx, const ConvGeometry& g);

// Few input channels: a whole kernel row is one tap of kw * channels bytes, so that little of the
// GEMM's k is padding. Needs groups 1 and no dilation in width.
Result<PreparedOp> prepare_conv2d_first_layer(const OpContext& ctx, const ConvGeometry& g);

// groups = input channels = output channels.
Result<PreparedOp> prepare_conv2d_depthwise(const OpContext& ctx, const ConvGeometry& g);

}  // namespace octet::kernels
