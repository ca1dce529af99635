// SPDX-License-Identifier: Apache-2.0
// The operators on codes that ONNX itself has.
#include "graph/import/qoperator.h"
#include "graph/import/rules.h"
#include "graph/integer_products.h"

namespace octet::graph {
namespace {

// Inputs: x, sx, zx, w, sw, zw, sy, zy, optional bias.
Status import_qlinear_conv(ImportContext& context) {
  if (Status status = context.expect_inputs(8, 9); !status) return status;
  if (context.integer("channels_last", 0) != 0) return context.unsupported("channels_last", "1", "supported is 0");
  FloatForm form(context);
  const auto x = form.real(QuantInputs{});
  if (!x) return x.status();
  const auto w = form.real({3, 4, 5, 0});
  if (!w) return w.status();
  std::vector<ValueId> inputs{*x, *w};
  if (context.has_input(8)) {
    if (!form.quant_of(*x).per_tensor()) return context.error("the input's scale must be one number");
    const auto bias = form.bias(8, form.quant_of(*x), form.quant_of(*w));
    if (!bias) return bias.status();
    inputs.push_back(*bias);
  }
  const DType dtype = context.graph[context.inputs[0]].dtype;
  const auto y = form.float_op("Conv", std::move(inputs));
  return y ? form.finish(*y, 6, 7, dtype) : y.status();
}

// Inputs: a, sa, za, b, sb, zb, sy, zy. Scales per row of a and per column of b are vectors.
Status import_qlinear_matmul(ImportContext& context) {
  if (Status status = context.expect_inputs(8, 8); !status) return status;
  FloatForm form(context);
  const auto a = form.real({0, 1, 2, -2});
  if (!a) return a.status();
  const auto b = form.real({3, 4, 5, -1});
  if (!b) return b.status();
  const DType dtype = context.graph[context.inputs[0]].dtype;
  const auto y = form.float_op("MatMul", {*a, *b});
  return y ? form.finish(*y, 6, 7, dtype) : y.status();
}

template <bool convolution>
Status import_integer_product(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 4); !status) return status;
  if (context.has_input(2) && !context.graph[context.inputs[2]].is_constant())
    return import_dynamic_product<convolution>(context);
  const int left_rank = context.graph[context.inputs[0]].shape.rank();
  const int right_rank = context.graph[context.inputs[1]].shape.rank();
  const auto b = unit_quant_of(context, 1, 3, convolution ? 0 : right_rank - 1);
  if (!b) return b.status();
  const auto a = unit_quant_of(context, 0, 2, left_rank - 2);
  if (!a) return a.status();
  FloatForm form(context);
  const ValueId left = form.real(context.inputs[0], *a), right = form.real(context.inputs[1], *b);
  return finish_integers(context, form.float_op(convolution ? "Conv" : "MatMul", {left, right}));
}

constexpr OnnxRule kRules[] = {
    {"QLinearConv", import_qlinear_conv, "scales, zero points, weights and bias constant; 1 and 2 spatial axes"},
    {"QLinearMatMul", import_qlinear_matmul, "scales and zero points constant"},
    {"ConvInteger", import_integer_product<true>,
     "weights and their zero point constant; sums exact up to 2^24, and in f32 above"},
    {"MatMulInteger", import_integer_product<false>,
     "weights constant where a zero point is computed; sums exact up to 2^24, and in f32 above"},
};

}  // namespace

const std::span<const OnnxRule> qoperator_rules = kRules;

}  // namespace octet::graph
