// SPDX-License-Identifier: Apache-2.0
// Quantization per run: parameters are computed from the values that they describe.
#include <fmt/format.h>

#include "graph/composer.h"
#include "graph/passes/derived_constant.h"
#include "graph/qoperator.h"

namespace octet::graph {
namespace {

// To the nearest whole number, ties to even: at this distance from 0 floats are 1 apart.
ValueId rounded(Composer& compose, ValueId x) {
  constexpr float kFar = 0x1.8p23F;
  const ValueId far = compose.constant(kFar);
  return compose.binary(BinaryFn::sub, compose.binary(BinaryFn::add, x, far), far);
}

ValueId clipped(Composer& compose, ValueId x) {
  return compose.node(Op::Unary, {x}, UnaryAttrs{UnaryFn::clip, 0, 0, {0, 255}});
}

}  // namespace

DynamicCodes quantize_dynamically(ImportContext& context, ValueId x) {
  Composer compose(context);
  const ValueId zero = compose.constant(0);
  const ValueId low = compose.binary(BinaryFn::min, compose.reduce(ReduceFn::min, x, {}, false), zero);
  const ValueId high = compose.binary(BinaryFn::max, compose.reduce(ReduceFn::max, x, {}, false), zero);
  const ValueId step = compose.binary(BinaryFn::div, compose.binary(BinaryFn::sub, high, low), compose.constant(255));
  const ValueId flat = compose.compare(CompareFn::equal, high, low);  // nothing but zeros
  const ValueId scale = compose.node(Op::Where, {flat, compose.constant(1), step}, {});
  const ValueId offset = compose.binary(BinaryFn::sub, zero, compose.binary(BinaryFn::div, low, scale));
  const ValueId zero_point = rounded(compose, clipped(compose, offset));
  const ValueId steps = rounded(compose, compose.binary(BinaryFn::div, x, scale));
  const ValueId codes = clipped(compose, compose.binary(BinaryFn::add, steps, zero_point));
  return {compose.node(Op::Cast, {codes}, CastAttrs{DType::u8}), scale,
          compose.node(Op::Cast, {zero_point}, CastAttrs{DType::u8})};
}

Result<ValueId> dynamic_product(ImportContext& context, ValueId a, ValueId za, ValueId w, const Quant& quant) {
  const Value& weights = context.graph[w];
  if (!weights.is_constant() || weights.shape.rank() != 2 ||
      (weights.dtype != DType::u8 && weights.dtype != DType::s8)) {
    return context.error(fmt::format("the zero point of '{}' is computed: supported with a constant matrix of codes",
                                     context.graph[a].name));
  }
  Value columns = weights;  // (k, n), its parameters per tensor or per column
  columns.quant = quant;
  constexpr std::int64_t kSwap[] = {1, 0};
  Value rows = permuted(columns, kSwap);
  rows.name = fmt::format("{}/{}", context.name, weights.name);
  return Composer(context).node(Op::DynamicDense, {a, za, context.graph.add_value(std::move(rows))},
                                DynamicDenseAttrs{});
}

}  // namespace octet::graph
