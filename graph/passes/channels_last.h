// SPDX-License-Identifier: Apache-2.0
// A value (n, c, spatial...) and its channels-last form (n, spatial..., c). Each form is made when the
// first node asks for it, so that two changes of layout never meet.
#pragma once

#include <map>
#include <vector>

#include "graph/graph.h"

namespace octet::graph {

using Perm = std::vector<std::int64_t>;
Perm to_channels_last(int rank);   // {0, 2, ..., rank-1, 1}
Perm to_channels_first(int rank);  // {0, rank-1, 1, ..., rank-2}
// Where axis `axis` of a value lies in its channels-last form.
std::int64_t axis_in_channels_last(std::int64_t axis, int rank);
// What comes out if a tensor is transposed by `first`, then by `second`.
Perm composed(const Perm& first, const Perm& second);
// Only axes of size 1 change places: the elements stay where they are.
bool is_view(const Shape& from, const Perm& perm);

class Layouts {
 public:
  explicit Layouts(Graph& graph);

  Graph& graph;
  std::vector<Node> nodes;  // the graph as it is written anew, in order

  bool has_first(ValueId value) const { return made_[static_cast<std::size_t>(value)]; }
  bool has_last(ValueId value) const { return last_[static_cast<std::size_t>(value)] != kNone; }
  // The value itself, made from its channels-last form where nothing else makes it.
  ValueId first(ValueId value);
  // Its channels-last form, made from the value where it does not exist yet. Rank at least 3.
  ValueId last(ValueId value);
  // A new value for the channels-last form, which a node about to be written will make.
  ValueId new_last(ValueId value);
  // `last` is the channels-last form of `value`.
  void know_last(ValueId value, ValueId last) { last_[static_cast<std::size_t>(value)] = last; }
  // Something that broadcasts against channels-last values of `rank` as `value` does against plain ones.
  ValueId last_for_broadcast(ValueId value, int rank);

  void emit(Node node);
  void emit_reshape(ValueId from, ValueId to);
  // `to` is `from` transposed; a Reshape where that moves no element.
  void emit_transpose(ValueId from, ValueId to, const Perm& perm);
  ValueId add_value(Value value);
  ValueId add_like(ValueId model, const Shape& shape, const char* suffix);

 private:
  std::vector<bool> made_;                              // (values) the plain form exists by now
  std::vector<ValueId> last_;                           // (values) its channels-last form, or kNone
  std::map<std::pair<ValueId, int>, ValueId> widened_;  // operands of lower rank, by rank
};

// channels_last_ops.cpp: writes `node` so that it works on channels-last values, if it can and that is
// where its input already is (or must be). False, and nothing written, otherwise.
class ChannelsLastOps {
 public:
  explicit ChannelsLastOps(Layouts& layouts) : layouts_(layouts), graph_(layouts.graph), uses_(layouts.graph) {}
  bool write(const Node& node);

 private:
  bool write_image_op(Node node);
  bool write_elementwise(Node node);
  bool write_dynamic_quantize(Node node);
  bool write_binary(Node node);
  bool write_concat(Node node);
  bool write_along_axes(Node node);
  bool write_reduction(Node node);
  bool write_arg_max(Node node);
  bool write_transpose(const Node& node);
  bool write_reshape(const Node& node);
  bool write_dense(Node node);

  int rank_of(ValueId value) const;
  bool wanted_last(ValueId value) const;
  bool feeds_only_dense(ValueId flat) const;
  void emit_last(Node node);

  Layouts& layouts_;
  Graph& graph_;
  const Uses uses_;  // of the graph as it was
  struct Flattened {
    std::int64_t channels, positions;
  };
  std::map<ValueId, Flattened> flattened_;  // values whose elements lie in channels-last order
};

}  // namespace octet::graph
