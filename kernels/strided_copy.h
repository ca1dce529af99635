// SPDX-License-Identifier: Apache-2.0
// Moving elements between two strided layouts: the one engine behind Transpose, Slice, Split,
// Concat and Pad, for every element size.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/microkernels.h"
#include "kernels/odometer.h"
#include "kernels/op.h"

namespace octet::kernels {

// A table that one-byte elements pass on their way; nullptr copies them.
struct CodeMap {
  LookupFn lookup = nullptr;
  const std::uint8_t* table = nullptr;
};

class StridedCopy {
 public:
  // Axes outermost first, stride[0] of the source and stride[1] of the target, in elements of
  // `element` bytes (1, 4 or 8); source strides may be negative, or 0 to repeat.
  StridedCopy(std::span<const Axis<2>> axes, std::int64_t in_offset, std::int64_t out_offset, std::size_t element);

  // Independent pieces of work, together the whole copy.
  std::int64_t units() const { return outer_count_ * tiles_; }
  std::int64_t bytes() const { return bytes_; }
  void run(const std::byte* in, std::byte* out, Range units, const CodeMap& map) const noexcept;

 private:
  // What the innermost loops look like once all axes that could be joined are.
  enum class Form : std::uint8_t {
    run,        // both sides contiguous
    fill,       // one element repeated
    transpose,  // contiguous along `rows_` in the source and along `inner_` in the target
    strided     // anything else
  };
  template <class Element>
  void run_typed(const Element* in, Element* out, Range units, const CodeMap& map) const noexcept;
  template <class Element>
  void run_tile(const Element* in, Element* out, std::int64_t first, std::int64_t last,
                const CodeMap& map) const noexcept;

  Odometer<2> outer_;
  Axis<2> inner_;  // the innermost axis of the target
  Axis<2> rows_;   // transpose: the axis along which the source is contiguous
  std::int64_t in_offset_, out_offset_;
  std::int64_t outer_count_ = 0, tiles_ = 1, tile_ = 1;  // tiles cut inner_, or rows_ of a transpose
  std::int64_t bytes_ = 0;
  std::size_t element_;
  Form form_ = Form::run;
};

}  // namespace octet::kernels
