// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <variant>

#include "kernels/float_ops.h"
#include "kernels/onednn/primitive.h"

namespace octet::kernels::onednn {
namespace {

// Empty tensors and other types are left to the fp32 ops, which know what to do or to say.
bool is_ordinary_float(const Operand& operand) {
  return !operand.present || (operand.dtype == DType::f32 && operand.shape.count() > 0);
}

PreparedOp dispatch(const OpContext& context) {
  if (const auto* conv = std::get_if<graph::Conv2dAttrs>(&context.attrs)) return convolution(context, *conv);
  if (const auto* conv = std::get_if<graph::ConvTranspose2dAttrs>(&context.attrs)) {
    return transposed_convolution(context, *conv);
  }
  if (const auto* attrs = std::get_if<graph::DenseAttrs>(&context.attrs)) return dense(context, *attrs);
  if (const auto* attrs = std::get_if<graph::MatMulAttrs>(&context.attrs)) return matmul(context, *attrs);
  if (const auto* attrs = std::get_if<graph::PoolAttrs>(&context.attrs)) return pool(context, *attrs);
  return nullptr;
}

}  // namespace

Result<PreparedOp> prepare(const OpContext& context) {
  if (!std::all_of(context.inputs.begin(), context.inputs.end(), is_ordinary_float) ||
      !std::all_of(context.outputs.begin(), context.outputs.end(), is_ordinary_float)) {
    return PreparedOp();
  }
  try {
    const ThreadCount scope(context.threads);  // primitives are cut for the threads they are made under
    return dispatch(context);
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_unimplemented) return PreparedOp();
    return context.error(fmt::format("oneDNN refuses it: {}", error.what()));
  } catch (const std::bad_alloc&) {
    return context.error("no memory left for oneDNN's weights");
  }
}

}  // namespace octet::kernels::onednn
