// SPDX-License-Identifier: Apache-2.0
// A clamp right behind an op becomes part of it, and activations that exporters write as several nodes
// become the one node that they are. Never across a Quantize: what is rounded there stays rounded.
//
//   x -> Conv2d -> Relu -> y                            becomes   x -> Conv2d(clamp [0, inf]) -> y
//   x -> Sigmoid -> Mul(x) -> y                         becomes   x -> Unary silu -> y
//   x -> Add 3 -> Clip [0, 6] -> Div 6 (-> Mul(x)) -> y becomes   x -> Unary hard_sigmoid (hard_swish) -> y
//   x -> Div sqrt 2 -> Erf -> Add 1 -> Mul(x) -> Mul 0.5 -> y    becomes   x -> Unary gelu_erf -> y
//   the same with Tanh of sqrt(2/pi) * (x + 0.044715 * x^3)      becomes   x -> Unary gelu_tanh -> y
#include <cmath>

#include "graph/passes/clamp_of.h"
#include "graph/passes/derived_constant.h"
#include "graph/passes/editor.h"
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

// Exporters round 1/6 and sqrt 2 in their own ways.
bool is_near(double a, double b) { return std::abs(a - b) <= 1e-5 * std::abs(b); }

// A value seen as (product of at most three tensors) * factor; x^2 and x^3 count as x more than once.
struct Product {
  std::vector<ValueId> tensors;
  double factor = 1;
};

class FuseActivations {
 public:
  explicit FuseActivations(Graph& graph) : editor_(graph) {}

  Status run() {
    const NodeId last = editor_.size();
    for (NodeId id = 0; id < last; ++id) {
      if (!editor_.alive(id) || !is_real(editor_.node(id).outputs[0])) continue;
      if (editor_.node(id).op == Op::Binary) recognise(id);
      if (as_clamp(editor_.node(id))) fuse_clamp(id);
    }
    return editor_.finish();
  }

 private:
  bool is_real(ValueId id) const {
    return id != kNone && editor_.graph[id].dtype == DType::f32 && !editor_.graph[id].is_quantized();
  }

  // ---- clamps -----------------------------------------------------------------------------------

  // Elements change place but not value, so a clamp behind the node may as well stand before it.
  static bool commutes_with_clamp(const Node& node) {
    return node.op == Op::Reshape || node.op == Op::Transpose || node.op == Op::Slice ||
           (node.op == Op::Pool && node.as<PoolAttrs>().kind == PoolKind::max);
  }

  void fuse_clamp(NodeId activation) {
    const Clamp clamp = *as_clamp(editor_.node(activation));
    const NodeId before = editor_.producer(editor_.node(activation).inputs[0]);
    NodeId op = before;
    ValueId x = editor_.node(activation).inputs[0];
    while (op != kNone && editor_.single_use(x) && commutes_with_clamp(editor_.node(op))) {
      x = editor_.node(op).inputs[0];
      op = editor_.producer(x);
    }
    if (op == kNone || !editor_.single_use(x) || !is_real(x)) return;
    Node& node = editor_.node(op);
    if (Clamp* own = clamp_of(node)) {
      *own = compose(*own, clamp);
    } else if (const auto earlier = as_clamp(node)) {
      node.attrs = UnaryAttrs{UnaryFn::clip, 0, 0, compose(*earlier, clamp)};
    } else {
      return;
    }
    const ValueId result = editor_.node(activation).outputs[0];
    editor_.remove(activation);
    editor_.set_output(before, 0, result);
  }

  // ---- patterns ---------------------------------------------------------------------------------

  std::optional<float> scalar(const Node& node, std::size_t index) const {
    return scalar_of(editor_.graph.input(node, index));
  }

  // The node that makes `value` if it is of this op and nobody else reads the value.
  const Node* maker(ValueId value, Op op) const {
    const NodeId id = editor_.producer(value, op);
    return id != kNone && editor_.single_use(value) ? &editor_.node(id) : nullptr;
  }

  // Multiplies the factors of `node` (mul, or div by a constant) into `product`; looks through
  // factors that are such products themselves. False for anything with more than three tensors.
  bool collect(const Node& node, Product& product, int depth = 0) const {
    const auto& attrs = node.as<BinaryAttrs>();
    if (attrs.clamp.active()) return false;
    if (attrs.fn == BinaryFn::pow) {
      const auto exponent = scalar(node, 1);
      if (exponent != 2.0F && exponent != 3.0F) return false;
      product.tensors.insert(product.tensors.end(), exponent == 2.0F ? 2 : 3, node.inputs[0]);
      return product.tensors.size() <= 3;
    }
    if (attrs.fn != BinaryFn::mul && attrs.fn != BinaryFn::div) return false;
    for (std::size_t side = 0; side < 2; ++side) {
      const bool divides = attrs.fn == BinaryFn::div && side == 1;
      if (const auto constant = scalar(node, side)) {
        product.factor *= divides ? 1.0 / *constant : *constant;
        continue;
      }
      if (divides) return false;
      const Node* inner = maker(node.inputs[side], Op::Binary);
      Product deeper = product;
      if (inner != nullptr && depth < 2 && collect(*inner, deeper, depth + 1)) {
        product = deeper;
      } else {
        product.tensors.push_back(node.inputs[side]);
      }
      if (product.tensors.size() > 3) return false;
    }
    return true;
  }

  // x if `value` is x + constant, clamped to `clamp`; kNone otherwise.
  ValueId offset_of(ValueId value, float constant, const Clamp& clamp) const {
    const Node* sum = maker(value, Op::Binary);
    if (sum == nullptr || sum->as<BinaryAttrs>().fn != BinaryFn::add || !(sum->as<BinaryAttrs>().clamp == clamp))
      return kNone;
    for (std::size_t side = 0; side < 2; ++side) {
      if (scalar(*sum, side) == constant) return sum->inputs[1 - side];
    }
    return kNone;
  }

  // x if `value` is Unary fn of x; the node goes to `unary`.
  ValueId argument_of(ValueId value, UnaryFn fn, const Node** unary = nullptr) const {
    const Node* node = maker(value, Op::Unary);
    if (node == nullptr || node->as<UnaryAttrs>().fn != fn) return kNone;
    if (unary != nullptr) *unary = node;
    return node->inputs[0];
  }

  // x if `value` is 1 + erf(x / sqrt 2).
  ValueId erf_argument_of(ValueId value) const {
    const ValueId erf = offset_of(value, 1.0F, {});
    const ValueId scaled = erf == kNone ? kNone : argument_of(erf, UnaryFn::erf);
    const Node* scaling = scaled == kNone ? nullptr : maker(scaled, Op::Binary);
    Product product;
    if (scaling == nullptr || !collect(*scaling, product, 2) || product.tensors.size() != 1) return kNone;
    return is_near(product.factor, std::sqrt(0.5)) ? product.tensors[0] : kNone;
  }

  // True if `value` is factor * x^power.
  bool is_power(ValueId value, ValueId x, std::size_t power, double factor) const {
    const Node* node = maker(value, Op::Binary);
    Product product;
    return node != nullptr && collect(*node, product) && is_near(product.factor, factor) &&
           product.tensors == std::vector<ValueId>(power, x);
  }

  // True if `value` is 1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3)), the bracket also as x * (1 + 0.044715 x^2).
  bool is_tanh_gate(ValueId value, ValueId x) const {
    constexpr double kRoot = 0.79788456080286535588, kCubic = 0.044715;
    const ValueId tanh = offset_of(value, 1.0F, {});
    const ValueId scaled = tanh == kNone ? kNone : argument_of(tanh, UnaryFn::tanh);
    const Node* scaling = scaled == kNone ? nullptr : maker(scaled, Op::Binary);
    Product product;
    if (scaling == nullptr || !collect(*scaling, product) || !is_near(product.factor, kRoot)) return false;
    const auto& tensors = product.tensors;
    if (tensors.size() == 1) {
      const Node* sum = maker(tensors[0], Op::Binary);
      if (sum == nullptr || sum->as<BinaryAttrs>().fn != BinaryFn::add || sum->as<BinaryAttrs>().clamp.active())
        return false;
      return (sum->inputs[0] == x && is_power(sum->inputs[1], x, 3, kCubic)) ||
             (sum->inputs[1] == x && is_power(sum->inputs[0], x, 3, kCubic));
    }
    if (tensors.size() != 2 || (tensors[0] != x && tensors[1] != x)) return false;
    const ValueId square = offset_of(tensors[0] == x ? tensors[1] : tensors[0], 1.0F, {});
    return square != kNone && is_power(square, x, 2, kCubic);
  }

  ValueId hard_sigmoid_argument_of(ValueId value) const {
    const Node* unary = nullptr;
    const ValueId x = argument_of(value, UnaryFn::hard_sigmoid, &unary);
    if (x == kNone) return kNone;
    const auto& attrs = unary->as<UnaryAttrs>();
    return is_near(attrs.alpha, 1.0 / 6) && attrs.beta == 0.5F ? x : kNone;
  }

  // Which activation of x the product x * gate * factor is, if any.
  std::optional<UnaryFn> gated(ValueId x, ValueId gate, double factor) const {
    if (factor == 1 && argument_of(gate, UnaryFn::sigmoid) == x) return UnaryFn::silu;
    if (factor == 1 && hard_sigmoid_argument_of(gate) == x) return UnaryFn::hard_swish;
    if (is_near(factor, 1.0 / 6) && offset_of(gate, 3.0F, {0, 6}) == x) return UnaryFn::hard_swish;
    if (is_near(factor, 0.5) && erf_argument_of(gate) == x) return UnaryFn::gelu_erf;
    if (is_near(factor, 0.5) && is_tanh_gate(gate, x)) return UnaryFn::gelu_tanh;
    return std::nullopt;
  }

  void recognise(NodeId id) {
    Product product;
    if (!collect(editor_.node(id), product)) return;
    const auto& tensors = product.tensors;
    if (tensors.size() == 1 && is_near(product.factor, 1.0 / 6)) {
      const ValueId x = offset_of(tensors[0], 3.0F, {0, 6});
      if (x != kNone) become(id, x, {UnaryFn::hard_sigmoid, 1.0F / 6, 0.5F, {}});
    }
    if (tensors.size() != 2) return;
    for (std::size_t side = 0; side < 2; ++side) {
      const ValueId x = tensors[side];
      if (!is_real(x)) continue;
      const auto fn = gated(x, tensors[1 - side], product.factor);
      if (fn) return become(id, x, {*fn, 0, 0, {}});
    }
  }

  // The nodes between x and `id` are read by nobody else; remove_dead() finds them.
  void become(NodeId id, ValueId x, const UnaryAttrs& attrs) {
    // A constant [1,1,1,1,1] would have stretched the rank.
    const Value &from = editor_.graph[x], &to = editor_.graph.output(editor_.node(id));
    if (from.shape_known && to.shape_known && from.shape.rank() != to.shape.rank()) return;
    const std::vector<ValueId> old = editor_.node(id).inputs;
    for (std::size_t i = old.size(); i-- > 1;) editor_.set_input(id, i, kNone);
    editor_.set_input(id, 0, x);
    Node& node = editor_.node(id);
    node.op = Op::Unary;
    node.inputs.resize(1);
    node.attrs = attrs;
    unused(old);
  }

  // Removes the makers of values that lost their last reader, and theirs in turn; otherwise x would
  // seem to have readers that it has not.
  void unused(std::vector<ValueId> values) {
    while (!values.empty()) {
      const ValueId value = values.back();
      values.pop_back();
      const NodeId id = editor_.producer(value);
      if (id == kNone || editor_.is_output(value) || !editor_.consumers(value).empty()) continue;
      const std::vector<ValueId> inputs = editor_.node(id).inputs;
      editor_.remove_if_unused(value);
      values.insert(values.end(), inputs.begin(), inputs.end());
    }
  }

  Editor editor_;
};

}  // namespace

Status fuse_activations(Graph& graph) { return FuseActivations(graph).run(); }

}  // namespace octet::graph
