// SPDX-License-Identifier: Apache-2.0
// Arithmetic on s32 and s64 numbers that are no codes: positions, masks and sizes that depend on the input.
#pragma once

#include "kernels/op.h"

namespace octet::kernels {

inline bool is_integer_type(DType type) { return type == DType::s32 || type == DType::s64; }

// Sums and products wrap, quotients are cut towards 0, and a division by 0 gives 0 instead of a crash.
Result<PreparedOp> prepare_integer_binary(const OpContext& ctx);
// neg and abs; the smallest integer stays itself.
Result<PreparedOp> prepare_integer_unary(const OpContext& ctx);

}  // namespace octet::kernels
