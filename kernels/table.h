// SPDX-License-Identifier: Apache-2.0
// 256-entry tables: any function of one code, made when the op is prepared.
#pragma once

#include <octet/session.h>
#include <octet/status.h>

#include <array>
#include <cstdint>
#include <optional>

#include "graph/attrs.h"
#include "kernels/codes.h"
#include "kernels/op.h"
#include "kernels/requantize.h"

namespace octet::kernels {

// Indexed by the byte of the input code, holds the byte of the output code.
using Table = std::array<std::uint8_t, 256>;

// The affine map of docs/arithmetic.md: the requantize row with acc = q - zx and M = sx/so.
Table requantize_table(const Codes& in, const Codes& out, CodeRange range, RequantMode mode);

// Unary functions. fixed: relu, clip and leaky_relu are affine maps, every other one is
// clamp(zo + floor(f(sx*(q-zx)) / so + 0.5)) in double. The float modes take f in f32, then a
// division by so (a multiplication by f32(1/so) for qnnpack) and round half even.
Table unary_table(const graph::UnaryAttrs& attrs, const Codes& in, const Codes& out, RequantMode mode);

bool is_identity(const Table& table);

// What a value moved from `in` to `out` has to pass: nothing (elements are copied), or a table
// because the codes' parameters differ. Refused if one side is quantized and the other is not.
Result<std::optional<Table>> relabelling(const OpContext& ctx, const Operand& in, const Operand& out);

// out[i] = table[in[i]] over n codes of input 0 and output 0; `form` names it in the ledger.
PreparedOp make_lookup(const OpContext& ctx, const Table& table, std::int64_t n, std::string_view form);

}  // namespace octet::kernels
