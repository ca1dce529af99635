// SPDX-License-Identifier: Apache-2.0
// The operators on codes that ONNX itself has.
#include <fmt/format.h>

#include "graph/composer.h"
#include "graph/qoperator.h"

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

Quant unit_quant(std::vector<std::int32_t> zero_point, int axis) {
  Quant quant;
  quant.scale.assign(zero_point.size(), 1.0F);
  quant.axis = zero_point.size() > 1 ? axis : -1;
  quant.zero_point = std::move(zero_point);
  return quant;
}

// The parameters of input `index` as numbers of scale 1, its zero points in input `zero`: a constant.
Result<Quant> unit_quant_of(const ImportContext& context, std::size_t index, std::size_t zero, int axis) {
  const Value& codes = context.graph[context.inputs[index]];
  if (codes.dtype != DType::u8 && codes.dtype != DType::s8)
    return context.error(fmt::format("input {} is {}: must be u8 or s8", index, name_of(codes.dtype)));
  std::vector<std::int32_t> zero_point{0};
  if (context.has_input(zero)) {
    const Value& value = context.graph[context.inputs[zero]];
    if (!value.is_constant() || value.shape.count() < 1 || value.dtype != codes.dtype) {
      return context.error(
          fmt::format("zero point '{}': must be a constant of type {}", value.name, name_of(codes.dtype)));
    }
    const auto take = [&](auto elements) { zero_point.assign(elements.begin(), elements.end()); };
    if (value.dtype == DType::u8) take(value.as<std::uint8_t>());
    if (value.dtype == DType::s8) take(value.as<std::int8_t>());
  }
  return unit_quant(std::move(zero_point), axis);
}

// An exact product of whole numbers is a whole number, which f32 holds up to 2^24. Beyond that only a Cast back to
// float, which rounds in the same way, may read it; graph/ops/cast.cpp joins the two.
template <bool convolution>
Status import_integer_product(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 4); !status) return status;
  const int left_rank = context.graph[context.inputs[0]].shape.rank();
  const int right_rank = context.graph[context.inputs[1]].shape.rank();
  const auto b = unit_quant_of(context, 1, 3, convolution ? 0 : right_rank - 1);
  if (!b) return b.status();
  const auto finish = [&](const Result<ValueId>& product) {
    return product ? context.emit(Op::Cast, {*product}, CastAttrs{DType::s32}) : product.status();
  };
  if (context.has_input(2) && !context.graph[context.inputs[2]].is_constant()) {
    const auto product = convolution ? dynamic_convolution : dynamic_product;
    return finish(product(context, context.inputs[0], context.inputs[2], context.inputs[1], *b));
  }
  const auto a = unit_quant_of(context, 0, 2, left_rank - 2);
  if (!a) return a.status();
  FloatForm form(context);
  const ValueId left = form.real(context.inputs[0], *a), right = form.real(context.inputs[1], *b);
  return finish(form.float_op(convolution ? "Conv" : "MatMul", {left, right}));
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
