// SPDX-License-Identifier: Apache-2.0
// A constant border. Negative widths cut instead. Codes are filled with the code of the value (the
// zero point for 0).
//
//   axis 0 begin:  f f f f f      The border is cut into boxes that do not overlap: the two slabs
//   interior:      f x x x f      of axis i span the interior of the axes before it and all of the
//   axis 0 end:    f f f f f      axes after it, so that they stay long contiguous runs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "kernels/copy_op.h"

namespace octet::kernels {

namespace {

using Element = std::array<std::byte, 8>;

template <class T>
Element element_of(T value) {
  Element bytes{};
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

Result<Element> fill_element(const OpContext& ctx, const Operand& out, float value) {
  if (out.quant != nullptr && !out.quant->scale.empty()) {
    const Result<Codes> codes = codes_of(ctx, out, "the output");
    if (!codes.ok()) return codes.status();
    if (value != value) return ctx.error("pads with NaN: codes need a number");
    // A clamp to one value quantizes that value, by the rule of all clamp bounds.
    const CodeRange range = code_range(codes->dtype, codes->scale, codes->zero_point, {value, value});
    return element_of(static_cast<std::uint8_t>(range.min));
  }
  // Beyond these a conversion would be undefined; no integer tensor is padded with such numbers.
  if (out.dtype != DType::f32 && !(std::fabs(value) <= 0x1p30F)) {
    return ctx.error(fmt::format("pads {} with {}: must be within 2^30", name_of(out.dtype), value));
  }
  switch (out.dtype) {
    case DType::f32:
      return element_of(value);
    case DType::s32:
      return element_of(static_cast<std::int32_t>(value));
    case DType::s64:
      return element_of(static_cast<std::int64_t>(value));
    case DType::boolean:
      return element_of(static_cast<std::uint8_t>(value != 0));
    case DType::u8:
    case DType::s8:
      return element_of(static_cast<std::uint8_t>(static_cast<std::int32_t>(value)));
  }
  return Element{};
}

}  // namespace

Result<PreparedOp> prepare_pad(const OpContext& ctx) {
  const auto& attrs = std::get<graph::PadAttrs>(ctx.attrs);
  const Operand& in = ctx.inputs[0];
  const Operand& out = ctx.outputs[0];
  const int rank = in.shape.rank();
  const Result<std::int64_t> in_count = count_of(ctx, in, "the input");
  if (!in_count.ok()) return in_count.status();
  const Result<std::int64_t> out_count = count_of(ctx, out, "the output");
  if (!out_count.ok()) return out_count.status();
  const auto entries = static_cast<std::size_t>(rank);
  if (attrs.begin.size() != entries || attrs.end.size() != entries || out.shape.rank() != rank) {
    return ctx.error(fmt::format("{} widths before and {} after: must be one per axis of {}", attrs.begin.size(),
                                 attrs.end.size(), to_string(in.shape)));
  }
  Shape interior = out.shape;
  Shape first = out.shape;  // where the interior begins in the output
  std::int64_t in_offset = 0, out_offset = 0;
  for (int i = 0; i < rank; ++i) {
    constexpr std::int64_t kMost = std::int64_t{1} << 40;  // sizes stay below it, so sums cannot overflow
    const std::int64_t begin = attrs.begin[static_cast<std::size_t>(i)], end = attrs.end[static_cast<std::size_t>(i)];
    if (begin < -kMost || begin > kMost || end < -kMost || end > kMost || in.shape[i] + begin + end != out.shape[i]) {
      return ctx.error(fmt::format("axis {} of size {} padded by {} and {} is not the output's {}", i, in.shape[i],
                                   begin, end, out.shape[i]));
    }
    first[i] = std::clamp<std::int64_t>(begin, 0, out.shape[i]);
    const std::int64_t last = std::clamp<std::int64_t>(begin + in.shape[i], first[i], out.shape[i]);
    interior[i] = last - first[i];
    in_offset += std::max<std::int64_t>(-begin, 0) * in.shape.count(i + 1, rank);
    out_offset += first[i] * out.shape.count(i + 1, rank);
  }
  Result<std::optional<Table>> table = relabelling(ctx, in, out);
  if (!table.ok()) return table.status();
  const Result<Element> fill = fill_element(ctx, out, attrs.value);
  if (!fill.ok()) return fill.status();

  std::vector<CopyStep> steps;
  const std::size_t element = size_of(out.dtype);
  steps.push_back(
      {.copy = StridedCopy(box_axes(interior, in.shape, out.shape), in_offset, out_offset, element), .table = *table});
  Shape slab = out.shape;
  std::int64_t slab_offset = 0;  // of the interior of the axes before axis i
  for (int i = 0; i < rank; ++i) {
    const std::int64_t stride = out.shape.count(i + 1, rank);
    const auto add_slab = [&](std::int64_t from, std::int64_t size) {
      if (size == 0) return;
      slab[i] = size;
      std::vector<Axis<2>> axes = box_axes(slab, slab, out.shape);
      for (Axis<2>& axis : axes) axis.stride[0] = 0;
      steps.push_back({.copy = StridedCopy(axes, 0, slab_offset + from * stride, element),
                       .input = CopyStep::kFill,
                       .fill = *fill});
    };
    const std::int64_t last = first[i] + interior[i];
    add_slab(0, first[i]);
    add_slab(last, out.shape[i] - last);
    slab[i] = interior[i];
    slab_offset += first[i] * stride;
  }
  return make_copy(ctx, std::move(steps));
}

}  // namespace octet::kernels
