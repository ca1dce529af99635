// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "graph/inference.h"
#include "graph/op.h"

namespace octet::graph {
namespace {

ValueId transposed(ImportContext& context, ValueId value, std::string_view suffix) {
  return context.emit_step(Op::Transpose, suffix, {value}, TransposeAttrs{{1, 0}});
}

ValueId scaled(ImportContext& context, ValueId value, float factor, std::string_view suffix) {
  const float elements[] = {factor};
  const ValueId constant =
      context.graph.add_constant<float>(fmt::format("{}/{}_factor", context.name, suffix), DType::f32, {}, elements);
  return context.emit_step(Op::Binary, suffix, {value, constant}, BinaryAttrs{BinaryFn::mul, {}});
}

// The bias as a Dense node takes it, (n); kNone where C broadcasts in another way and must be added.
ValueId as_bias(ImportContext& context, ValueId c, std::int64_t n) {
  const Value& value = context.graph[c];
  if (!value.shape_known || n < 0) return kNone;
  if (value.shape == Shape{n}) return c;
  if (!value.is_constant() || !(value.shape == Shape{1, n})) return kNone;
  Value flat = value;  // the same elements
  flat.name = fmt::format("{}/bias", context.name);
  flat.shape = {n};
  return context.graph.add_value(std::move(flat));
}

// y = alpha * A' * B' + beta * C, ' transposing where transA, transB ask for it.
//   B a weight:      Dense(A', alpha * transpose(B'), beta * C if it is a vector), + Add otherwise
//   B an activation: MatMul(A', B'), + Mul by alpha, + Add of beta * C
Status import_gemm(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 3); !status) return status;
  for (std::size_t index = 0; index < 2; ++index) {
    const Value& value = context.graph[context.inputs[index]];
    if (value.shape_known && value.shape.rank() != 2) {
      return context.error(fmt::format("input {} has shape {}: must have rank 2", index, to_string(value.shape)));
    }
  }
  ValueId a = context.inputs[0], b = context.inputs[1];
  ValueId c = context.has_input(2) ? context.inputs[2] : kNone;
  const float alpha = context.real("alpha", 1), beta = context.real("beta", 1);
  const bool transpose_b = context.integer("transB", 0) != 0;
  const bool is_dense = context.is_weight(b);
  const Value& weight = context.graph[b];
  const std::int64_t n = weight.shape_known ? weight.shape[transpose_b ? 0 : 1] : Shape::kUnknown;

  if (context.integer("transA", 0) != 0) a = transposed(context, a, "a_transposed");
  if (is_dense != transpose_b) b = transposed(context, b, "b_transposed");  // Dense wants (n, k), MatMul (k, n)
  if (is_dense && alpha != 1) b = scaled(context, b, alpha, "alpha");

  ValueId bias = is_dense && c != kNone ? as_bias(context, c, n) : kNone;
  ValueId& constant_term = bias != kNone ? bias : c;
  if (constant_term != kNone && beta != 1) constant_term = scaled(context, constant_term, beta, "beta");
  if (bias != kNone) c = kNone;

  const Op op = is_dense ? Op::Dense : Op::MatMul;
  const Attrs attrs = is_dense ? Attrs(DenseAttrs{}) : Attrs(MatMulAttrs{});
  std::vector<ValueId> inputs = {a, b};
  if (bias != kNone) inputs.push_back(bias);
  const bool scale_product = !is_dense && alpha != 1;
  if (!scale_product && c == kNone) return context.emit(op, std::move(inputs), attrs);

  ValueId product = context.emit_step(op, "product", std::move(inputs), attrs);
  if (scale_product) product = scaled(context, product, alpha, "alpha");
  if (c != kNone) return context.emit(Op::Binary, {product, c}, BinaryAttrs{BinaryFn::add, {}});
  return context.alias(product);
}

Status infer(Graph& graph, Node& node) {
  if (Status status = expect_inputs(node, 2, 3); !status) return status;
  for (std::size_t index = 0; index < 2; ++index) {
    if (Status status = expect_activation(graph, node, index); !status) return status;
  }
  const Value& x = graph.input(node, 0);
  const Value& w = graph.input(node, 1);
  if (w.shape_known && w.shape.rank() != 2) {
    return node_error(node, fmt::format("weight shape {}: must have rank 2 (n, k)", to_string(w.shape)));
  }
  const std::int64_t n = w.shape_known ? w.shape[0] : Shape::kUnknown;
  if (n == 0) return node_error(node, fmt::format("weight shape {}: must have at least 1 row", to_string(w.shape)));
  if (node.has_input(2)) {
    if (Status status = expect_vector(graph, node, 2, n, "the bias"); !status) return status;
  }
  if (!x.shape_known) {
    set_unknown_activation(graph, node);
    return {};
  }
  const int last = x.shape.rank() - 1;
  if (last < 0 || (w.shape_known && !may_equal(x.shape[last], w.shape[1]))) {
    return node_error(node, fmt::format("input shape {}: its last size must be that of the weight {}",
                                        to_string(x.shape), to_string(w.shape)));
  }
  Shape shape = x.shape;
  shape[last] = n;
  set_activation(graph, node, shape);
  return {};
}

constexpr OnnxRule kRules[] = {{"Gemm", import_gemm}};

}  // namespace

const OpSchema dense_schema = {kRules, infer};

}  // namespace octet::graph
