// SPDX-License-Identifier: Apache-2.0
// What the float operators require of their operands, whoever computes them.
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include <cstdint>

#include "graph/attrs.h"
#include "kernels/op.h"

namespace octet::kernels::fp32 {

// NHWC tensors of one batch, and sizes so small that the product of two of them fits int64.
Status check_image_op(const OpContext& context, const graph::Window& window, bool channels_last);

// At least 1, and a divisor of the input's and the output's channels.
Status check_groups(const OpContext& context, std::int64_t groups);

// Constant weights of this shape, and one bias per output channel if there is one.
Status check_weights(const OpContext& context, const Shape& expected);

// x (..., k), weights (n, k), bias (n), output (..., n)
Status check_dense(const OpContext& context);

// A global pool's window is the whole image.
graph::Window pool_window(const OpContext& context, const graph::PoolAttrs& attrs);

}  // namespace octet::kernels::fp32
