// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <memory>
#include <utility>

#include "kernels/fp32/checks.h"
#include "kernels/onednn/primitive.h"

namespace octet::kernels::onednn {

PreparedOp dense(const OpContext& context, const graph::DenseAttrs& attrs) {
  const Shape &x = context.inputs[0].shape, &weights = context.inputs[1].shape;
  if (context.inputs[1].constant == nullptr || !fp32::check_dense(context)) return nullptr;
  const std::int64_t n = weights[0], k = weights[1], m = x.count(0, x.rank() - 1);
  const auto source = float_desc({m, k}, Tag::ab), target = float_desc({m, n}, Tag::ab);
  const auto any_weights = float_desc({n, k}, Tag::any), bias = float_desc({n}, Tag::x);
  const auto attributes = attributes_for(attrs.clamp);
  const auto kind = dnnl::prop_kind::forward_inference;
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  using Primitive = dnnl::inner_product_forward;
  const auto description = context.has_input(2)
                               ? describe<Primitive>(engine, attributes, kind, source, any_weights, bias, target)
                               : describe<Primitive>(engine, attributes, kind, source, any_weights, target);
  auto op = std::make_unique<PrimitiveOp>(context, engine, "dense",
                                          static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k));
  op->set_primitive<Primitive>(description);
  op->bind_input(DNNL_ARG_SRC, source, 0);
  op->bind_constant(DNNL_ARG_WEIGHTS, float_desc({n, k}, Tag::ab), description.weights_desc(), context.inputs[1], 1);
  if (context.has_input(2)) op->bind_input(DNNL_ARG_BIAS, bias, 2);
  op->bind_output(DNNL_ARG_DST, target);
  return op;
}

namespace {

// Row-major with `rank` axes: a vector becomes a row on the left and a column on the right, missing
// leading axes have size 1, which is how oneDNN broadcasts.
Dims matrix_dims(const Shape& shape, bool is_left, std::size_t rank) {
  Dims dims(shape.begin(), shape.end());
  if (dims.size() == 1) dims.insert(is_left ? dims.begin() : dims.end(), 1);
  dims.insert(dims.begin(), rank - dims.size(), 1);
  return dims;
}

dnnl::memory::desc row_major(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (std::size_t i = dims.size() - 1; i-- > 0;) strides[i] = strides[i + 1] * dims[i + 1];
  return {dims, dnnl::memory::data_type::f32, strides};
}

}  // namespace

PreparedOp matmul(const OpContext& context, const graph::MatMulAttrs& attrs) {
  const Shape &left = context.inputs[0].shape, &right = context.inputs[1].shape;
  if (left.rank() < 1 || right.rank() < 1) return nullptr;
  const auto rank = static_cast<std::size_t>(std::max({left.rank(), right.rank(), 2}));
  const Dims a = matrix_dims(left, true, rank), b = matrix_dims(right, false, rank);
  Dims c(rank);
  std::int64_t target_count = 1;
  for (std::size_t i = 0; i < rank; ++i) {
    c[i] = i == rank - 2 ? a[i] : i == rank - 1 ? b[i] : std::max(a[i], b[i]);
    target_count *= c[i];
  }
  if (a[rank - 1] != b[rank - 2] || target_count != context.outputs[0].shape.count()) return nullptr;
  const auto source = row_major(a), weights = row_major(b), target = row_major(c);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const auto description = describe<dnnl::matmul>(engine, attributes_for(attrs.clamp), source, weights, target);
  auto op = std::make_unique<PrimitiveOp>(context, engine, "matmul",
                                          static_cast<double>(target_count) * static_cast<double>(a[rank - 1]));
  op->set_primitive<dnnl::matmul>(description);
  op->bind_input(DNNL_ARG_SRC, source, 0);
  op->bind_input(DNNL_ARG_WEIGHTS, weights, 1);
  op->bind_output(DNNL_ARG_DST, target);
  return op;
}

}  // namespace octet::kernels::onednn
