// SPDX-License-Identifier: Apache-2.0
// BatchNorm multiplies each channel by k = scale / sqrt(variance + epsilon) and moves it; a layer with
// constant weights right before it does both for free. k and the products are computed in double and
// rounded once.
//
//   x -> Conv2d(w, b) -> BatchNorm -> y    becomes   x -> Conv2d(w * k, (b - mean) * k + bias) -> y
//
//   x -> BatchNorm -> y                    becomes   x -> Conv2d 1x1 per channel (k, bias - mean * k) -> y
//
// One operator, so that a Relu behind it becomes its clamp and int8 rounds once: its only weight per channel
// is exact on 127. Inputs of rank 2 and 3 get axes of size 1 around it; of rank 5 and more become Mul and Add.
#include <fmt/format.h>

#include <cmath>

#include "graph/op.h"
#include "graph/passes/derived_constant.h"
#include "graph/passes/editor.h"
#include "graph/passes/passes.h"

namespace octet::graph {
namespace {

// What one BatchNorm does to each channel: y = k * x + offset, with the mean kept apart so that a
// folded bias is rounded once.
struct Affine {
  std::vector<double> k, mean, bias;
  std::int64_t channels() const { return static_cast<std::int64_t>(k.size()); }
};

Result<Affine> read(const Graph& graph, const Node& node) {
  const auto parameter = [&](std::size_t index) { return graph.input(node, index).as<float>(); };
  for (std::size_t index = 1; index < 5; ++index) {
    const Value& value = graph.input(node, index);
    if (!value.is_constant() || value.dtype != DType::f32 || value.is_quantized() ||
        value.shape.count() != graph.input(node, 1).shape.count())
      return node_error(node, fmt::format("'{}': must be a constant f32 vector, one element per channel", value.name));
  }
  Affine affine;
  const double epsilon = node.as<BatchNormAttrs>().epsilon;
  for (std::size_t c = 0; c < parameter(1).size(); ++c) {
    affine.k.push_back(parameter(1)[c] / std::sqrt(parameter(4)[c] + epsilon));
    affine.mean.push_back(parameter(3)[c]);
    affine.bias.push_back(parameter(2)[c]);
  }
  return affine;
}

// The output channel that element `i` of the weights belongs to.
std::int64_t channel_of(const Node& node, const Shape& w, std::int64_t i) {
  if (node.op != Op::ConvTranspose2d) return i / w.count(1, w.rank());  // (out, ...)
  const std::int64_t groups = node.as<ConvTranspose2dAttrs>().groups;   // (in, out/groups, kh, kw)
  const std::int64_t taps = w.count(2, w.rank()), in = i / (taps * w[1]);
  return in / (w[0] / groups) * w[1] + i / taps % w[1];
}

class FoldBatchNorm {
 public:
  explicit FoldBatchNorm(Graph& graph) : editor_(graph) {}

  Status run() {
    const NodeId last = editor_.size();
    for (NodeId id = 0; id < last; ++id) {
      if (!editor_.is(id, Op::BatchNorm)) continue;
      const Result<Affine> affine = read(editor_.graph, editor_.node(id));
      if (!affine) return affine.status();
      if (fold(id, *affine)) continue;
      if (Status status = decompose(id, *affine); !status) return status;
    }
    return editor_.finish();
  }

 private:
  bool has_foldable_weights(const Node& node, const Affine& affine) const {
    const Graph& graph = editor_.graph;
    std::int64_t channels = 0;
    bool clamped = false;
    const Value* w = node.has_input(1) ? &graph.input(node, 1) : nullptr;
    if (w == nullptr || !w->is_constant() || w->dtype != DType::f32 || w->is_quantized()) return false;
    switch (node.op) {
      case Op::Conv2d:
        channels = w->shape[0];
        clamped = node.as<Conv2dAttrs>().clamp.active();
        break;
      case Op::ConvTranspose2d:
        if (w->shape[0] % node.as<ConvTranspose2dAttrs>().groups != 0) return false;
        channels = w->shape[1] * node.as<ConvTranspose2dAttrs>().groups;
        clamped = node.as<ConvTranspose2dAttrs>().clamp.active();
        break;
      case Op::Dense: {
        const Value& y = graph.output(node);
        if (!y.shape_known || y.shape.rank() != 2) return false;  // channels are axis 1, features the last
        channels = w->shape[0];
        clamped = node.as<DenseAttrs>().clamp.active();
        break;
      }
      default:
        return false;
    }
    if (node.has_input(2) && (!graph.input(node, 2).is_constant() || graph.input(node, 2).dtype != DType::f32 ||
                              graph.input(node, 2).is_quantized()))
      return false;
    return !clamped && channels == affine.channels() && !node.has_input(3);
  }

  // The Squeeze that takes away the height of a 1-d convolution keeps channels where they are.
  bool keeps_channels(NodeId id) const {
    if (id == kNone || editor_.node(id).op != Op::Reshape) return false;
    const auto& attrs = editor_.node(id).as<ReshapeAttrs>();
    return attrs.kind == ReshapeAttrs::Kind::squeeze && attrs.axes == std::vector<std::int64_t>{2};
  }

  bool fold(NodeId norm, const Affine& affine) {
    ValueId x = editor_.node(norm).inputs[0];
    NodeId last = editor_.producer(x);  // will make the result
    if (!editor_.single_use(x)) return false;
    NodeId layer = last;
    if (keeps_channels(last)) {
      x = editor_.node(last).inputs[0];
      if (!editor_.single_use(x)) return false;
      layer = editor_.producer(x);
    }
    if (layer == kNone || !has_foldable_weights(editor_.node(layer), affine)) return false;

    scale_weights(layer, affine);
    const ValueId result = editor_.node(norm).outputs[0];
    editor_.remove(norm);
    editor_.set_output(last, 0, result);
    return true;
  }

  void scale_weights(NodeId layer, const Affine& affine) {
    Graph& graph = editor_.graph;
    const Node& node = editor_.node(layer);
    const Value& w = graph.input(node, 1);
    const auto weights = w.as<float>();
    Value scaled = computed(w.name + "/normalized", w.shape, [&](std::size_t i) {
      const auto c = static_cast<std::size_t>(channel_of(node, w.shape, static_cast<std::int64_t>(i)));
      return weights[i] * affine.k[c];
    });
    const auto bias = node.has_input(2) ? graph.input(node, 2).as<float>() : std::span<const float>();
    Value moved = computed(node.name + "/bias", Shape{affine.channels()}, [&](std::size_t c) {
      return ((bias.empty() ? 0.0 : bias[c]) - affine.mean[c]) * affine.k[c] + affine.bias[c];
    });
    editor_.set_input(layer, 1, editor_.add_value(std::move(scaled)));
    editor_.set_input(layer, 2, editor_.add_value(std::move(moved)));
  }

  Status become_layer(const Node& node, NodeId norm, const Affine& affine, int rank) {
    const std::int64_t channels = affine.channels();
    const ValueId w = editor_.add_value(
        computed(node.name + "/factor", Shape{channels, 1, 1, 1}, [&](std::size_t c) { return affine.k[c]; }));
    const ValueId b = editor_.add_value(computed(node.name + "/offset", Shape{channels}, [&](std::size_t c) {
      return affine.bias[c] - affine.mean[c] * affine.k[c];
    }));
    Conv2dAttrs attrs;
    attrs.groups = channels;
    ValueId x = node.inputs[0], y = node.outputs[0];
    editor_.remove(norm);
    std::vector<std::int64_t> added;  // axes of size 1 before the width, and behind the channels of rank 2
    for (int axis = 2; axis < 2 + (4 - rank); ++axis) added.push_back(axis);
    if (added.empty()) {
      editor_.add({node.name, Op::Conv2d, {x, w, b}, {y}, attrs, {}});
      return {};
    }
    const auto with_axes = [&](ValueId like, const char* suffix) {
      const ValueId value = editor_.add_like(like, suffix);
      const Shape flat = editor_.graph[value].shape;
      Shape& shape = editor_.graph[value].shape;
      shape = {};
      for (int axis = 0; axis < flat.rank(); ++axis) {
        if (axis == 2) shape.push_back(1);
        shape.push_back(flat[axis]);
      }
      while (shape.rank() < 4) shape.push_back(1);
      return value;
    };
    const ValueId image = with_axes(x, "image"), scaled = with_axes(y, "image");
    using Kind = ReshapeAttrs::Kind;
    editor_.add({node.name + "/unsqueeze", Op::Reshape, {x}, {image}, ReshapeAttrs{Kind::unsqueeze, added, false}, {}});
    editor_.add({node.name, Op::Conv2d, {image, w, b}, {scaled}, attrs, {}});
    editor_.add({node.name + "/squeeze", Op::Reshape, {scaled}, {y}, ReshapeAttrs{Kind::squeeze, added, false}, {}});
    return {};
  }

  Status decompose(NodeId norm, const Affine& affine) {
    const Node node = editor_.node(norm);
    const Value& x = editor_.graph.input(node, 0);
    if (!x.shape_known || x.shape.rank() < 2)
      return node_error(node, fmt::format("input '{}': must have a known rank of at least 2", x.name));
    Shape shape{affine.channels()};  // (c, 1, 1 ...): broadcasts against axis 1
    for (int axis = 2; axis < x.shape.rank(); ++axis) shape.push_back(1);
    if (x.shape.rank() <= 4) return become_layer(node, norm, affine, x.shape.rank());
    const ValueId factor =
        editor_.add_value(computed(node.name + "/factor", shape, [&](std::size_t c) { return affine.k[c]; }));
    const ValueId offset = editor_.add_value(computed(
        node.name + "/offset", shape, [&](std::size_t c) { return affine.bias[c] - affine.mean[c] * affine.k[c]; }));
    const ValueId product = editor_.add_like(node.outputs[0], "scaled");
    editor_.remove(norm);
    editor_.add(
        {node.name + "/mul", Op::Binary, {node.inputs[0], factor}, {product}, BinaryAttrs{BinaryFn::mul, {}}, {}});
    editor_.add({node.name, Op::Binary, {product, offset}, {node.outputs[0]}, BinaryAttrs{BinaryFn::add, {}}, {}});
    return {};
  }

  Editor editor_;
};

}  // namespace

Status fold_batch_norm(Graph& graph) { return FoldBatchNorm(graph).run(); }

}  // namespace octet::graph
