// SPDX-License-Identifier: Apache-2.0
// How each op works on channels-last values: what moves in its attributes and operands.
#include <algorithm>
#include <array>

#include "graph/passes/channels_last.h"
#include "graph/passes/derived_constant.h"

namespace octet::graph {
namespace {

// One entry per axis, in the order of the channels-last form.
template <class T>
void permute_entries(std::vector<T>& entries) {
  if (entries.empty()) return;
  std::vector<T> moved;
  for (std::int64_t axis : to_channels_last(static_cast<int>(entries.size())))
    moved.push_back(entries[static_cast<std::size_t>(axis)]);
  entries = std::move(moved);
}

void move_axis(std::int64_t& axis, int rank) { axis = axis_in_channels_last(axis < 0 ? axis + rank : axis, rank); }

bool* channels_last_flag(Node& node) {
  switch (node.op) {
    case Op::Conv2d:
      return &node.as<Conv2dAttrs>().channels_last;
    case Op::ConvTranspose2d:
      return &node.as<ConvTranspose2dAttrs>().channels_last;
    case Op::DynamicConv2d:
      return &node.as<DynamicConv2dAttrs>().channels_last;
    case Op::Pool:
      return &node.as<PoolAttrs>().channels_last;
    default:
      return nullptr;
  }
}

}  // namespace

bool ChannelsLastOps::write(const Node& node) {
  if (node.inputs.empty() || node.inputs[0] == kNone || node.outputs.size() == 0) return false;
  switch (node.op) {
    case Op::Conv2d:
    case Op::ConvTranspose2d:
    case Op::DynamicConv2d:
      return write_image_op(node);
    case Op::DynamicQuantize:
      return write_dynamic_quantize(node);
    case Op::Pool:
      return rank_of(node.inputs[0]) == 4 && write_image_op(node);
    case Op::Unary:
    case Op::Quantize:
    case Op::Dequantize:
    case Op::Requantize:
      return write_elementwise(node);
    case Op::Binary:
      return write_binary(node);
    case Op::Concat:
      return write_concat(node);
    case Op::Softmax:
    case Op::Split:
    case Op::Slice:
    case Op::Pad:
    case Op::Resize:
      return write_along_axes(node);
    case Op::ReduceMean:
    case Op::Reduce:
      return write_reduction(node);
    case Op::ArgMax:
      return write_arg_max(node);
    case Op::Transpose:
      return write_transpose(node);
    case Op::Reshape:
      return write_reshape(node);
    case Op::Dense:
      return write_dense(node);
    default:
      return false;
  }
}

int ChannelsLastOps::rank_of(ValueId value) const { return graph_[value].shape.rank(); }

// Whether a node that reads `value` would rather have it channels-last.
bool ChannelsLastOps::wanted_last(ValueId value) const {
  const auto& readers = uses_.consumers[static_cast<std::size_t>(value)];
  return std::any_of(readers.begin(), readers.end(), [&](std::int32_t reader) {
    switch (graph_.nodes[static_cast<std::size_t>(reader)].op) {
      case Op::Reshape:
      case Op::Transpose:
      case Op::Dense:
      case Op::MatMul:
      case Op::Gather:
      case Op::Tile:
      case Op::Compare:
      case Op::Where:
      case Op::LayerNorm:
      case Op::DynamicDense:
      case Op::Cast:
        return false;
      default:
        return true;
    }
  });
}

// The node then makes the channels-last forms of its outputs.
void ChannelsLastOps::emit_last(Node node) {
  for (ValueId& output : node.outputs) {
    if (output != kNone) output = layouts_.new_last(output);
  }
  layouts_.emit(std::move(node));
}

// Convolutions and pools know no other layout.
bool ChannelsLastOps::write_image_op(Node node) {
  bool& channels_last = *channels_last_flag(node);
  if (channels_last) return false;
  channels_last = true;
  node.inputs[0] = layouts_.last(node.inputs[0]);
  if (node.op == Op::Conv2d && node.has_input(3)) node.inputs[3] = layouts_.last(node.inputs[3]);  // a residual
  emit_last(std::move(node));
  return true;
}

bool ChannelsLastOps::write_elementwise(Node node) {
  const ValueId x = node.inputs[0], y = node.outputs[0];
  if (!layouts_.has_last(x)) return false;
  // Behind a Dequantize elements are four times as large: if they must be transposed, then before it.
  const bool either_will_do = layouts_.has_first(x) || node.op == Op::Dequantize;
  if (either_will_do && !wanted_last(y)) return false;
  node.inputs[0] = layouts_.last(x);
  emit_last(std::move(node));
  return true;
}

// Scale and zero point are the same in any order of the elements. Codes are transposed cheaper than floats.
bool ChannelsLastOps::write_dynamic_quantize(Node node) {
  const ValueId x = node.inputs[0];
  if (!layouts_.has_last(x) || (layouts_.has_first(x) && !wanted_last(node.outputs[0]))) return false;
  node.inputs[0] = layouts_.last(x);
  node.outputs[0] = layouts_.new_last(node.outputs[0]);
  layouts_.emit(std::move(node));
  return true;
}

bool ChannelsLastOps::write_binary(Node node) {
  const int rank = rank_of(node.outputs[0]);
  const auto is_last = [&](ValueId id) { return layouts_.has_last(id) && rank_of(id) == rank; };
  if (std::none_of(node.inputs.begin(), node.inputs.end(), is_last)) return false;
  for (ValueId& input : node.inputs) input = layouts_.last_for_broadcast(input, rank);
  emit_last(std::move(node));
  return true;
}

bool ChannelsLastOps::write_concat(Node node) {
  const auto is_last = [&](ValueId id) { return layouts_.has_last(id); };
  if (std::none_of(node.inputs.begin(), node.inputs.end(), is_last)) return false;
  move_axis(node.as<ConcatAttrs>().axis, rank_of(node.outputs[0]));
  for (ValueId& input : node.inputs) input = layouts_.last(input);
  emit_last(std::move(node));
  return true;
}

// Softmax, Split, Slice, Pad, Resize: one activation, and attributes that name axes.
bool ChannelsLastOps::write_along_axes(Node node) {
  if (!layouts_.has_last(node.inputs[0]) || node.inputs.size() != 1) return false;
  const int rank = rank_of(node.inputs[0]);
  if (auto* softmax = std::get_if<SoftmaxAttrs>(&node.attrs)) move_axis(softmax->axis, rank);
  if (auto* split = std::get_if<SplitAttrs>(&node.attrs)) move_axis(split->axis, rank);
  if (auto* resize = std::get_if<ResizeAttrs>(&node.attrs)) permute_entries(resize->scales);
  if (auto* slice = std::get_if<SliceAttrs>(&node.attrs)) {
    permute_entries(slice->start);
    permute_entries(slice->step);
    permute_entries(slice->count);
  }
  if (auto* pad = std::get_if<PadAttrs>(&node.attrs)) {
    permute_entries(pad->begin);
    permute_entries(pad->end);
  }
  node.inputs[0] = layouts_.last(node.inputs[0]);
  emit_last(std::move(node));
  return true;
}

bool ChannelsLastOps::write_reduction(Node node) {
  const ValueId x = node.inputs[0];
  if (!layouts_.has_last(x) || node.inputs.size() != 1) return false;
  const int rank = rank_of(x);
  auto* mean = std::get_if<ReduceMeanAttrs>(&node.attrs);
  auto* other = std::get_if<ReduceAttrs>(&node.attrs);
  std::vector<std::int64_t>& axes = mean != nullptr ? mean->axes : other->axes;
  const bool keep_dims = mean != nullptr ? mean->keep_dims : other->keep_dims;
  const auto reduces = [&](std::int64_t axis) {
    return axes.empty() || std::count(axes.begin(), axes.end(), axis) > 0;
  };
  // Without kept dimensions the result has no channels axis to put last: it is the same either way
  // if channels, or everything behind them, are gone.
  bool all_spatial = true;
  for (int axis = 2; axis < rank; ++axis) all_spatial = all_spatial && reduces(axis);
  if (!keep_dims && !reduces(1) && !all_spatial) return false;
  for (std::int64_t& axis : axes) move_axis(axis, rank);
  std::sort(axes.begin(), axes.end());
  node.inputs[0] = layouts_.last(x);
  if (keep_dims) {
    emit_last(std::move(node));
  } else {
    layouts_.emit(std::move(node));
  }
  return true;
}

// Over the channels, the result has its axes in the same order either way.
bool ChannelsLastOps::write_arg_max(Node node) {
  const ValueId x = node.inputs[0];
  auto& attrs = node.as<ArgMaxAttrs>();
  if (!layouts_.has_last(x) || attrs.axis != 1 || attrs.keep_dims) return false;
  attrs.axis = rank_of(x) - 1;
  node.inputs[0] = layouts_.last(x);
  layouts_.emit(std::move(node));
  return true;
}

bool ChannelsLastOps::write_transpose(const Node& node) {
  const ValueId x = node.inputs[0], y = node.outputs[0];
  const int rank = rank_of(x);
  const Perm& perm = node.as<TransposeAttrs>().perm;
  if (layouts_.has_last(x) && !layouts_.has_first(x)) {
    layouts_.emit_transpose(layouts_.last(x), y, composed(to_channels_first(rank), perm));
    return true;
  }
  // The input is the channels-last form of the output already: transposed only if somebody asks.
  if (rank >= 3 && perm == to_channels_first(rank) && graph_[x].quant.per_tensor()) {
    layouts_.know_last(y, layouts_.first(x));
    return true;
  }
  return false;
}

// A Reshape that leaves (n, c) alone regroups only what lies between them in channels-last order.
bool ChannelsLastOps::write_reshape(const Node& node) {
  const ValueId x = node.inputs[0], y = node.outputs[0];
  if (!layouts_.has_last(x) || layouts_.has_first(x)) return false;
  const Shape from = graph_[x].shape, to = graph_[y].shape;
  const ValueId last = layouts_.last(x);
  if (to.rank() >= 3 && to[0] == from[0] && to[1] == from[1]) {
    layouts_.emit_reshape(last, layouts_.new_last(y));
  } else if (is_view(graph_[last].shape, to_channels_first(from.rank()))) {
    layouts_.emit_reshape(last, y);
  } else if (to.rank() == 2 && to[0] == from[0] && feeds_only_dense(y)) {
    flattened_[y] = {from[1], from.count(2, from.rank())};
    layouts_.emit_reshape(last, y);
  } else {
    return false;
  }
  return true;
}

// Every reader is a Dense whose constant weights can take the elements in another order.
bool ChannelsLastOps::feeds_only_dense(ValueId flat) const {
  const auto& readers = uses_.consumers[static_cast<std::size_t>(flat)];
  return !graph_.is_output(flat) && std::all_of(readers.begin(), readers.end(), [&](std::int32_t reader) {
    const Node& node = graph_.nodes[static_cast<std::size_t>(reader)];
    if (node.op != Op::Dense || node.inputs[0] != flat || node.inputs[1] == flat) return false;
    const Value& w = graph_.input(node, 1);
    return w.is_constant() && w.shape.rank() == 2 && w.quant.axis <= 0;
  });
}

// Weights (n, c * positions) become (n, positions * c) where the input was flattened in that order.
bool ChannelsLastOps::write_dense(Node node) {
  const auto flattened = flattened_.find(node.inputs[0]);
  if (flattened == flattened_.end()) return false;
  const auto [channels, positions] = flattened->second;
  const Value& w = graph_.input(node, 1);
  const Shape shape = w.shape;
  const Value grouped = reshaped(w, Shape{shape[0], channels, positions});
  Value moved = reshaped(permuted(grouped, std::array<std::int64_t, 3>{0, 2, 1}), shape);
  node.inputs[1] = layouts_.add_value(std::move(moved));
  layouts_.emit(std::move(node));
  return true;
}

}  // namespace octet::graph
