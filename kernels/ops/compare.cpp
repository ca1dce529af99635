// SPDX-License-Identifier: Apache-2.0
// Truth values: masks of transformers and the choices of Where.
#include <fmt/format.h>

#include <memory>

#include "kernels/pairwise.h"

namespace octet::kernels {
namespace {

using graph::CompareFn;

template <class T>
bool holds(CompareFn fn, T a, T b) {
  switch (fn) {
    case CompareFn::equal:
      return a == b;
    case CompareFn::less:
      return a < b;
    case CompareFn::less_or_equal:
      return a <= b;
    case CompareFn::logical_and:
      return a != T{} && b != T{};
    case CompareFn::logical_or:
      return a != T{} || b != T{};
    case CompareFn::logical_xor:
      return (a != T{}) != (b != T{});
  }
  return false;
}

template <class T>
using Compare = Pairwise<T, bool, CompareFn, holds<T>>;

}  // namespace

Result<PreparedOp> prepare_compare(const OpContext& ctx) {
  const Operand &a = ctx.inputs[0], &b = ctx.inputs[1], &out = ctx.outputs[0];
  if (a.dtype != b.dtype || out.dtype != DType::boolean) {
    return ctx.error(fmt::format("compares {} and {}: must be of one type", name_of(a.dtype), name_of(b.dtype)));
  }
  if (!broadcasts_to(a.shape, out.shape) || !broadcasts_to(b.shape, out.shape)) {
    return ctx.error(fmt::format("shapes {} and {} do not broadcast to {}", to_string(a.shape), to_string(b.shape),
                                 to_string(out.shape)));
  }
  const CompareFn fn = std::get<graph::CompareAttrs>(ctx.attrs).fn;
  switch (a.dtype) {
    case DType::f32:
      return PreparedOp(std::make_unique<Compare<float>>(ctx, fn));
    case DType::s32:
      return PreparedOp(std::make_unique<Compare<std::int32_t>>(ctx, fn));
    case DType::s64:
      return PreparedOp(std::make_unique<Compare<std::int64_t>>(ctx, fn));
    case DType::s8:
      return PreparedOp(std::make_unique<Compare<std::int8_t>>(ctx, fn));
    case DType::u8:
    case DType::boolean:
      return PreparedOp(std::make_unique<Compare<std::uint8_t>>(ctx, fn));
  }
  return ctx.error("an element type that octet does not know");
}

}  // namespace octet::kernels
