// SPDX-License-Identifier: Apache-2.0
// Normalizations of images and vectors that are a few nodes of others.
#include <fmt/format.h>

#include "graph/composer.h"
#include "graph/dims.h"
#include "graph/import/rules.h"

namespace octet::graph {
namespace {

// x / (bias + alpha / size * sum of the squares of `size` neighbouring channels) ^ beta. That sum over size is an
// average pool along the channels, zeros beside them counted:
//   x*x (n, c, ...) -> (n, 1, c, positions) -> Pool size x 1 -> the old shape
Status import_lrn(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const Value& value = context.graph[context.inputs[0]];
  if (!value.shape_known || value.shape.rank() < 3)
    return context.error("the input must have a known rank of at least 3");
  Dims sizes = to_dims(value.shape);
  sizes[0] = 0;  // copied
  for (std::size_t axis = 1; axis < sizes.size(); ++axis)
    if (sizes[axis] < 1) return context.error(fmt::format("size unknown at axis {}: only the batch may be", axis));
  const std::int64_t size = context.integer("size", 0);
  if (size < 1 || size > 1024) return context.error(fmt::format("size {}: must be 1 to 1024", size));
  PoolAttrs pool;
  pool.kind = PoolKind::average;
  pool.window.kernel = {size, 1};
  pool.window.pad_begin = {(size - 1) / 2, 0};
  pool.window.pad_end = {size - 1 - (size - 1) / 2, 0};
  pool.count_include_pad = true;

  Composer compose(context);
  const ValueId x = context.inputs[0];
  const ValueId rows = compose.node(
      Op::Reshape, {compose.binary(BinaryFn::mul, x, x), compose.integers({0, 1, sizes[1], -1})}, ReshapeAttrs{});
  const ValueId mean = compose.reshape(compose.node(Op::Pool, {rows}, pool), sizes);
  const ValueId scaled = compose.binary(BinaryFn::mul, mean, compose.constant(context.real("alpha", 1e-4F)));
  const ValueId base = compose.binary(BinaryFn::add, scaled, compose.constant(context.real("bias", 1)));
  const ValueId power = compose.binary(BinaryFn::pow, base, compose.constant(context.real("beta", 0.75F)));
  return compose.finish(compose.binary(BinaryFn::div, x, power));
}

// (x - mean) / (deviation + 1e-9), both over `axes`
Status import_mean_variance_norm(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  Dims axes = context.integers("axes");
  if (axes.empty()) axes = {0, 2, 3};
  Composer compose(context);
  const ValueId x = context.inputs[0];
  const ValueId centred = compose.binary(BinaryFn::sub, x, compose.mean(x, axes, true));
  const ValueId variance = compose.mean(compose.binary(BinaryFn::mul, centred, centred), axes, true);
  const ValueId deviation =
      compose.binary(BinaryFn::add, compose.unary(UnaryFn::sqrt, variance), compose.constant(1e-9F));
  return compose.finish(compose.binary(BinaryFn::div, centred, deviation));
}

// x / norm along one axis, norm the sum of absolute values (p = 1) or the root of the sum of squares (p = 2)
Status import_lp_norm(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const std::int64_t p = context.integer("p", 2);
  if (p != 1 && p != 2) return context.unsupported("p", fmt::to_string(p), "supported are 1 and 2");
  Composer compose(context);
  const ValueId x = context.inputs[0];
  const ValueId terms = p == 1 ? compose.unary(UnaryFn::abs, x) : compose.binary(BinaryFn::mul, x, x);
  ValueId norm = compose.reduce(ReduceFn::sum, terms, {context.integer("axis", -1)}, true);
  if (p == 2) norm = compose.unary(UnaryFn::sqrt, norm);
  return compose.finish(compose.binary(BinaryFn::div, x, norm));
}

constexpr OnnxRule kRules[] = {
    {"LRN", import_lrn, "all sizes but the batch must be known"},
    {"MeanVarianceNormalization", import_mean_variance_norm},
    {"LpNormalization", import_lp_norm},
};

}  // namespace

const std::span<const OnnxRule> composed_image_rules = kRules;

}  // namespace octet::graph
