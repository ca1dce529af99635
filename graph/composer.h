// SPDX-License-Identifier: Apache-2.0
// ONNX ops that are made of others: the nodes of an expression, one call each.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "graph/import/onnx_node.h"

namespace octet::graph {

// Each function appends one node and returns what it makes, named "<node>/<a number>".
class Composer {
 public:
  explicit Composer(ImportContext& context)
      : context_(context), first_(static_cast<ValueId>(context.graph.values.size())) {}

  ValueId constant(float element);
  ValueId constants(const Shape& shape, const std::vector<float>& elements);
  ValueId integers(const std::vector<std::int64_t>& elements);

  ValueId node(Op op, std::vector<ValueId> inputs, Attrs attrs);
  ValueId binary(BinaryFn fn, ValueId a, ValueId b) { return node(Op::Binary, {a, b}, BinaryAttrs{fn, {}}); }
  ValueId unary(UnaryFn fn, ValueId x, float alpha = 0, float beta = 0);
  ValueId compare(CompareFn fn, ValueId a, ValueId b) { return node(Op::Compare, {a, b}, CompareAttrs{fn}); }
  ValueId reduce(ReduceFn fn, ValueId x, std::vector<std::int64_t> axes, bool keep_dims);
  ValueId mean(ValueId x, std::vector<std::int64_t> axes, bool keep_dims);
  ValueId reshape(ValueId x, const std::vector<std::int64_t>& target);
  ValueId transpose(ValueId x, std::vector<std::int64_t> perm);

  // `value` is output 0 of the ONNX node, and takes its name where it was made here.
  Status finish(ValueId value);

 private:
  std::string next_name() const;
  ImportContext& context_;
  ValueId first_;  // values from here on were made here
};

}  // namespace octet::graph
