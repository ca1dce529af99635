// SPDX-License-Identifier: Apache-2.0
// The ONNX side of graph/window.h.
#include <fmt/format.h>

#include <limits>

#include "graph/window.h"

namespace octet::graph {
namespace {

constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

// Entry `axis` of `count` ONNX entries per list, where lists of one axis describe the width.
std::size_t place(int spatial, std::size_t axis) { return spatial == 1 ? 1 : axis; }

Status expect_range(const ImportContext& context, std::string_view attribute, std::int64_t value, std::size_t axis,
                    std::int64_t least) {
  if (value >= least && value <= kMost) return {};
  return context.error(fmt::format("{} {} at axis {}: must be {} to {}", attribute, value, axis, least, kMost));
}

Result<AutoPad> read_auto_pad(const ImportContext& context) {
  const std::string text = context.text("auto_pad", "NOTSET");
  if (text == "NOTSET" || text.empty()) return AutoPad::none;
  if (text == "VALID") return AutoPad::valid;
  if (text == "SAME_UPPER") return AutoPad::same_upper;
  if (text == "SAME_LOWER") return AutoPad::same_lower;
  return context.unsupported("auto_pad", text, "supported are NOTSET, VALID, SAME_UPPER and SAME_LOWER");
}

Status read_pads(const ImportContext& context, int spatial, Window& window) {
  const std::vector<std::int64_t> pads = context.integers("pads");
  if (pads.empty()) return {};
  const auto axes = static_cast<std::size_t>(spatial);
  if (pads.size() != 2 * axes) {
    return context.error(fmt::format("pads has {} entries: must have {}", pads.size(), 2 * axes));
  }
  for (std::size_t axis = 0; axis < 2 * axes; ++axis) {
    if (Status status = expect_range(context, "pads", pads[axis], axis, 0); !status) return status;
    auto& side = axis < axes ? window.pad_begin : window.pad_end;
    side[place(spatial, axis % axes)] = pads[axis];
  }
  return {};
}

}  // namespace

Result<int> spatial_axes(const ImportContext& context, std::size_t like) {
  std::int64_t axes = static_cast<std::int64_t>(context.integers("kernel_shape").size());
  if (axes == 0) {
    const Value& value = context.graph[context.inputs[like]];
    if (!value.shape_known) return context.error("neither kernel_shape nor the rank of the inputs is known");
    axes = value.shape.rank() - 2;
  }
  if (axes != 1 && axes != 2) return context.error(fmt::format("{} spatial axes: supported are 1 and 2", axes));
  return static_cast<int>(axes);
}

Result<std::array<std::int64_t, 2>> read_per_axis(const ImportContext& context, std::string_view attribute, int spatial,
                                                  std::int64_t otherwise, std::int64_t least) {
  std::array<std::int64_t, 2> result{otherwise, otherwise};
  const std::vector<std::int64_t> given = context.integers(attribute);
  if (given.empty()) return result;
  if (given.size() != static_cast<std::size_t>(spatial)) {
    return context.error(fmt::format("{} has {} entries: must have {}", attribute, given.size(), spatial));
  }
  for (std::size_t axis = 0; axis < given.size(); ++axis) {
    if (Status status = expect_range(context, attribute, given[axis], axis, least); !status) return status;
    result[place(spatial, axis)] = given[axis];
  }
  return result;
}

Result<Window> read_window(const ImportContext& context, int spatial) {
  Window window;
  struct List {
    const char* attribute;
    std::array<std::int64_t, 2>* entries;
  };
  for (const List& list :
       {List{"kernel_shape", &window.kernel}, List{"strides", &window.stride}, List{"dilations", &window.dilation}}) {
    auto entries = read_per_axis(context, list.attribute, spatial, 1, 1);
    if (!entries) return entries.status();
    *list.entries = *entries;
  }
  auto auto_pad = read_auto_pad(context);
  if (!auto_pad) return auto_pad.status();
  // Explicit pads count only beside NOTSET; VALID means none.
  if (*auto_pad == AutoPad::none) {
    if (Status status = read_pads(context, spatial, window); !status) return status;
  } else if (*auto_pad != AutoPad::valid) {
    window.auto_pad = *auto_pad;
  }
  return window;
}

ValueId add_height(ImportContext& context, ValueId value, std::string_view suffix) {
  const Value& old = context.graph[value];
  if (!old.is_constant()) {
    return context.emit_step(Op::Reshape, suffix, {value}, ReshapeAttrs{ReshapeAttrs::Kind::unsqueeze, {2}});
  }
  Value tall = old;  // the same elements
  if (old.shape.rank() == 3) tall.shape = {old.shape[0], old.shape[1], 1, old.shape[2]};
  tall.name = fmt::format("{}/{}", context.name, suffix);
  return context.graph.add_value(std::move(tall));
}

Status drop_height(ImportContext& context, ValueId value) {
  return context.emit(Op::Reshape, {value}, ReshapeAttrs{ReshapeAttrs::Kind::squeeze, {2}});
}

Status emit_spatial(ImportContext& context, int spatial, Op op, std::vector<ValueId> inputs, Attrs attrs) {
  if (spatial == 2) return context.emit(op, std::move(inputs), std::move(attrs));
  inputs[0] = add_height(context, inputs[0], "tall");
  return drop_height(context, context.emit_step(op, "image", std::move(inputs), std::move(attrs)));
}

}  // namespace octet::graph
