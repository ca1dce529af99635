// SPDX-License-Identifier: Apache-2.0
#include "graph/composer.h"

#include <fmt/format.h>

#include <utility>

namespace octet::graph {

std::string Composer::next_name() const { return fmt::format("{}", context_.graph.values.size()); }

ValueId Composer::constant(float element) { return constants({}, {element}); }

ValueId Composer::constants(const Shape& shape, const std::vector<float>& elements) {
  return context_.graph.add_constant<float>(fmt::format("{}/{}", context_.name, next_name()), DType::f32, shape,
                                            elements);
}

ValueId Composer::integers(const std::vector<std::int64_t>& elements) {
  return context_.graph.add_constant<std::int64_t>(fmt::format("{}/{}", context_.name, next_name()), DType::s64,
                                                   {static_cast<std::int64_t>(elements.size())}, elements);
}

ValueId Composer::node(Op op, std::vector<ValueId> inputs, Attrs attrs) {
  return context_.emit_step(op, next_name(), std::move(inputs), std::move(attrs));
}

ValueId Composer::unary(UnaryFn fn, ValueId x, float alpha, float beta) {
  return node(Op::Unary, {x}, UnaryAttrs{fn, alpha, beta, {}});
}

ValueId Composer::reduce(ReduceFn fn, ValueId x, std::vector<std::int64_t> axes, bool keep_dims) {
  return node(Op::Reduce, {x}, ReduceAttrs{fn, std::move(axes), keep_dims});
}

ValueId Composer::mean(ValueId x, std::vector<std::int64_t> axes, bool keep_dims) {
  return node(Op::ReduceMean, {x}, ReduceMeanAttrs{std::move(axes), keep_dims});
}

ValueId Composer::reshape(ValueId x, const std::vector<std::int64_t>& target) {
  return node(Op::Reshape, {x, integers(target)}, ReshapeAttrs{});
}

ValueId Composer::transpose(ValueId x, std::vector<std::int64_t> perm) {
  return node(Op::Transpose, {x}, TransposeAttrs{std::move(perm)});
}

Status Composer::finish(ValueId value) {
  if (value >= first_ && !context_.output_names.empty() && !context_.output_names[0].empty())
    context_.graph[value].name = context_.output_names[0];
  return context_.alias(value);
}

}  // namespace octet::graph
