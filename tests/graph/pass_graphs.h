// SPDX-License-Identifier: Apache-2.0
// Small graphs written by hand, and a slow, obvious evaluation of them: what passes must not change.
#pragma once

#include <map>
#include <random>
#include <string>
#include <vector>

#include "graph/graph.h"
#include "graph/op.h"

namespace octet::graph {

// Adds one node at a time; shapes are inferred on the way.
class Builder {
 public:
  Graph graph;

  ValueId input(const std::string& name, const Shape& shape);
  ValueId codes_input(const std::string& name, const Shape& shape, DType dtype, float scale, int zero_point);
  ValueId real(const std::string& name, const Shape& shape, std::vector<float> elements);
  ValueId random(const std::string& name, const Shape& shape, float lo = -1, float hi = 1);
  ValueId integers(const std::string& name, std::vector<std::int64_t> elements);
  // Random 8-bit codes; one scale, or one per index of `axis`.
  ValueId codes(const std::string& name, const Shape& shape, DType dtype, int axis = -1, int zero_point = 0);
  // Random s32 codes in +-limit.
  ValueId bias(const std::string& name, std::int64_t size, float scale, int limit = 1000);

  ValueId op(Op op, const std::string& name, std::vector<ValueId> inputs, Attrs attrs = {});
  std::vector<ValueId> ops(Op op, const std::string& name, std::vector<ValueId> inputs, Attrs attrs,
                           std::size_t outputs);
  ValueId quantize(ValueId x, float scale, int zero_point, DType dtype = DType::u8);
  ValueId dequantize(ValueId codes);
  ValueId quantize_dequantize(ValueId x, float scale, int zero_point, DType dtype = DType::u8) {
    return dequantize(quantize(x, scale, zero_point, dtype));
  }
  ValueId conv(const std::string& name, ValueId x, ValueId w, ValueId b = kNone, std::int64_t pad = 0,
               std::int64_t stride = 1, std::int64_t groups = 1);
  ValueId relu(ValueId x) {
    return op(Op::Unary, "relu" + std::to_string(count_++), {x}, UnaryAttrs{UnaryFn::relu, 0, 0, {}});
  }
  ValueId clip(ValueId x, float lo, float hi) {
    return op(Op::Unary, "clip" + std::to_string(count_++), {x}, UnaryAttrs{UnaryFn::clip, 0, 0, {lo, hi}});
  }
  ValueId binary(BinaryFn fn, ValueId a, ValueId b) {
    return op(Op::Binary, "binary" + std::to_string(count_++), {a, b}, BinaryAttrs{fn, {}});
  }
  ValueId unary(UnaryFn fn, ValueId x, float alpha = 0, float beta = 0) {
    return op(Op::Unary, "unary" + std::to_string(count_++), {x}, UnaryAttrs{fn, alpha, beta, {}});
  }
  void output(ValueId value) { graph.outputs.push_back(value); }

  std::mt19937 engine{20240607};

 private:
  int count_ = 0;
};

// 2x2 windows side by side, and the whole image.
PoolAttrs pool_of(PoolKind kind);
PoolAttrs global_pool(PoolKind kind);

// The real numbers behind every value (codes: scale * (code - zero point)).
struct Numbers {
  Shape shape;
  std::vector<double> elements;
};
// Evaluates in double; results that are codes are rounded to their scale. `inputs` by name.
std::map<std::string, Numbers> evaluate(const Graph& graph, const std::map<std::string, std::vector<double>>& inputs);
// Random input for every graph input, [-2, 2) or random codes' numbers.
std::map<std::string, std::vector<double>> random_inputs(const Graph& graph, std::uint32_t seed);
// The largest difference over all outputs, which must agree in name and shape.
double difference(const Graph& before, const Graph& after, std::uint32_t seed = 7);

// How many nodes of this op there are, or all nodes' ops in order: "Conv2d Reshape Dense".
int count(const Graph& graph, Op op);
std::string ops_of(const Graph& graph);
// The only node of this op; fails the test otherwise.
const Node& only(const Graph& graph, Op op);
const Node& named(const Graph& graph, const std::string& name);
// Every value has one producer before its readers; shapes are known; types fit.
void check_consistent(const Graph& graph);

}  // namespace octet::graph
