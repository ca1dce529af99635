// SPDX-License-Identifier: Apache-2.0
// A per-tensor quantized operand, checked: what every int8 operator starts from.
#pragma once

#include <octet/status.h>
#include <octet/tensor.h>

#include <cstdint>
#include <string_view>

#include "kernels/op.h"

namespace octet::kernels {

// real = scale * (code - zero_point); dtype is u8 or s8.
struct Codes {
  DType dtype = DType::u8;
  float scale = 1;
  std::int32_t zero_point = 0;

  // The code that a byte stands for.
  std::int32_t code(std::uint8_t byte) const { return dtype == DType::s8 ? static_cast<std::int8_t>(byte) : byte; }
  friend bool operator==(const Codes&, const Codes&) = default;
};

inline bool is_code_type(DType type) { return type == DType::u8 || type == DType::s8; }
inline DType dtype_of(Activation activation) { return activation == Activation::s8 ? DType::s8 : DType::u8; }

// Refused: a type other than u8 and s8, no or per-channel parameters, a scale that is not finite and
// positive, a zero point that is no code. `what` names the operand: "input 0".
Result<Codes> codes_of(const OpContext& ctx, const Operand& operand, std::string_view what);
// The same, and the codes are those of the backend: for the typed slots.
Result<Codes> activation_codes_of(const OpContext& ctx, const Operand& operand, std::string_view what);

// Number of elements, at most 2^40; refused if the product does not fit (shapes come from models).
Result<std::int64_t> count_of(const OpContext& ctx, const Operand& operand, std::string_view what);

// `axis` counted from the end if negative; refused unless it names one of `rank` axes.
Result<int> axis_of(const OpContext& ctx, std::int64_t axis, int rank);

}  // namespace octet::kernels
