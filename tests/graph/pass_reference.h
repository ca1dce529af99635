// SPDX-License-Identifier: Apache-2.0
// What the files of the reference evaluation share.
#pragma once

#include <vector>

#include "tests/graph/pass_graphs.h"

namespace octet::graph::reference {

using Index = std::vector<std::int64_t>;

inline std::size_t at(const Shape& shape, const Index& index) {
  std::int64_t offset = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) offset = offset * shape[axis] + index[static_cast<std::size_t>(axis)];
  return static_cast<std::size_t>(offset);
}

template <class Visit>
void for_each_index(const Shape& shape, Visit visit) {
  Index index(static_cast<std::size_t>(shape.rank()), 0);
  for (std::int64_t i = 0; i < shape.count(); ++i) {
    visit(static_cast<const Index&>(index));
    for (int axis = shape.rank() - 1; axis >= 0 && ++index[static_cast<std::size_t>(axis)] == shape[axis]; --axis)
      index[static_cast<std::size_t>(axis)] = 0;
  }
}

template <class Fn>
Numbers generate(const Shape& shape, Fn element) {
  Numbers numbers{shape, {}};
  for_each_index(shape, [&](const Index& index) { numbers.elements.push_back(element(index)); });
  return numbers;
}

// pass_reference_window.cpp: layers and pools. `in` holds nullptr for an absent input.
using Inputs = std::vector<const Numbers*>;
Numbers conv(const Node& node, const Inputs& in, const Shape& shape);
Numbers conv_transpose(const Node& node, const Inputs& in, const Shape& shape);
Numbers pool(const Node& node, const Numbers& numbers, const Shape& shape);
// a (rows, k) times b (k, n), or (n, k) if transposed, plus bias (n) unless nullptr.
Numbers product(const Numbers& a, const Numbers& b, bool b_transposed, const Numbers* bias, const Shape& shape);

}  // namespace octet::graph::reference
