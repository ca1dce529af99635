// SPDX-License-Identifier: Apache-2.0
// The clamp inside an op, and clamps in a row.
#pragma once

#include <algorithm>
#include <optional>

#include "graph/graph.h"

namespace octet::graph {

// Where a node keeps the clamp of its result; nullptr if its op has none.
inline Clamp* clamp_of(Node& node) {
  switch (node.op) {
    case Op::Conv2d:
      return &node.as<Conv2dAttrs>().clamp;
    case Op::ConvTranspose2d:
      return &node.as<ConvTranspose2dAttrs>().clamp;
    case Op::Dense:
      return &node.as<DenseAttrs>().clamp;
    case Op::MatMul:
      return &node.as<MatMulAttrs>().clamp;
    case Op::Binary:
      return &node.as<BinaryAttrs>().clamp;
    default:
      return nullptr;
  }
}
inline const Clamp* clamp_of(const Node& node) { return clamp_of(const_cast<Node&>(node)); }

// What a Relu or Clip node does; nothing for any other node. Bounds the wrong way round give the
// upper one, as ONNX says.
inline std::optional<Clamp> as_clamp(const Node& node) {
  if (node.op != Op::Unary) return std::nullopt;
  const auto& attrs = node.as<UnaryAttrs>();
  if (attrs.fn == UnaryFn::relu) return Clamp{0.0F, Clamp{}.hi};
  if (attrs.fn != UnaryFn::clip) return std::nullopt;
  return Clamp{std::min(attrs.clip.lo, attrs.clip.hi), attrs.clip.hi};
}

// outer(inner(x)) as one clamp.
inline Clamp compose(const Clamp& inner, const Clamp& outer) {
  return {std::clamp(inner.lo, outer.lo, outer.hi), std::clamp(inner.hi, outer.lo, outer.hi)};
}

}  // namespace octet::graph
