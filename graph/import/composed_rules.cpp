// SPDX-License-Identifier: Apache-2.0
// ONNX ops that are a few nodes of others: what moves elements, and sizes.
#include <fmt/format.h>

#include <memory>

#include "graph/composer.h"
#include "graph/constant.h"
#include "graph/dims.h"
#include "graph/import/rules.h"

namespace octet::graph {
namespace {

ValueId scalar(Composer& compose, std::int64_t element) { return compose.reshape(compose.integers({element}), {}); }

// x (n, c, h, w) with every size but n known, for ops that take an image apart.
Status expect_known_image(const ImportContext& context, Dims& sizes) {
  const Value& x = context.graph[context.inputs[0]];
  if (!x.shape_known || x.shape.rank() != 4) return context.error("the input must have a known rank of 4");
  sizes = to_dims(x.shape);
  for (std::size_t axis = 1; axis < 4; ++axis)
    if (sizes[axis] < 1) return context.error(fmt::format("size unknown at axis {}: only the batch may be", axis));
  return {};
}

Status read_block(const ImportContext& context, std::int64_t& block) {
  block = context.integer("blocksize", 0);
  if (block >= 1 && block <= 1024) return {};
  return context.error(fmt::format("blocksize {}: must be 1 to 1024", block));
}

// (n, b, b, c, h, w) -> (n, c, h, b, w, b), or (n, c, b, b, h, w) with mode CRD
Status import_depth_to_space(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  Dims sizes;
  std::int64_t b = 0;
  if (Status status = expect_known_image(context, sizes); !status) return status;
  if (Status status = read_block(context, b); !status) return status;
  const std::string mode = context.text("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") return context.unsupported("mode", mode, "supported are DCR and CRD");
  if (sizes[1] % (b * b) != 0)
    return context.error(fmt::format("{} channels: must be a multiple of {}", sizes[1], b * b));
  const std::int64_t c = sizes[1] / (b * b), h = sizes[2], w = sizes[3];
  Composer compose(context);
  const bool depth_first = mode == "DCR";
  const ValueId blocks =
      compose.reshape(context.inputs[0], depth_first ? Dims{0, b, b, c, h, w} : Dims{0, c, b, b, h, w});
  const ValueId placed = compose.transpose(blocks, depth_first ? Dims{0, 3, 4, 1, 5, 2} : Dims{0, 1, 4, 2, 5, 3});
  return compose.finish(compose.reshape(placed, {0, c, h * b, w * b}));
}

// (n, c, h, b, w, b) -> (n, b, b, c, h, w)
Status import_space_to_depth(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  Dims sizes;
  std::int64_t b = 0;
  if (Status status = expect_known_image(context, sizes); !status) return status;
  if (Status status = read_block(context, b); !status) return status;
  if (sizes[2] % b != 0 || sizes[3] % b != 0)
    return context.error(fmt::format("image {}x{}: must be a multiple of {}", sizes[2], sizes[3], b));
  const std::int64_t c = sizes[1], h = sizes[2] / b, w = sizes[3] / b;
  Composer compose(context);
  const ValueId blocks = compose.reshape(context.inputs[0], {0, c, h, b, w, b});
  return compose.finish(compose.reshape(compose.transpose(blocks, {0, 3, 5, 1, 2, 4}), {0, c * b * b, h, w}));
}

// The number of elements: the product of the sizes, a scalar.
Status import_size(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const Value& x = context.graph[context.inputs[0]];
  if (!x.shape_known) return context.error("the input's rank must be known");
  const int rank = x.shape.rank();  // what compose adds may move x
  Composer compose(context);
  const ValueId sizes = compose.node(Op::Shape, {context.inputs[0]}, {});
  ValueId product = scalar(compose, 1);
  for (std::int64_t axis = 0; axis < rank; ++axis) {
    const ValueId size = compose.node(Op::Gather, {sizes, scalar(compose, axis)}, GatherAttrs{0});
    product = compose.binary(BinaryFn::mul, product, size);
  }
  return compose.finish(product);
}

// The mean of its inputs.
Status import_mean(ImportContext& context) {
  if (context.inputs.empty()) return context.error("no inputs: must be at least 1");
  if (Status status = context.expect_inputs(context.inputs.size(), context.inputs.size()); !status) return status;
  Composer compose(context);
  ValueId sum = context.inputs[0];
  for (std::size_t index = 1; index < context.inputs.size(); ++index)
    sum = compose.binary(BinaryFn::add, sum, context.inputs[index]);
  return compose.finish(
      compose.binary(BinaryFn::div, sum, compose.constant(static_cast<float>(context.inputs.size()))));
}

std::int64_t size_at(const Shape& shape, std::int64_t axis) { return shape[static_cast<int>(axis)]; }

// A constant of the type of `like`: zero.
ValueId zero_like(ImportContext& context, ValueId like) {
  Value zero;
  zero.name = context.name + "/zero";
  zero.dtype = context.graph[like].dtype;
  zero.shape_known = true;
  zero.data = std::shared_ptr<std::byte[]>(new std::byte[8]());
  return context.graph.add_value(std::move(zero));
}

// Elements above or below a diagonal become 0: a mask that sizes give, and a Where.
Status import_trilu(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 2); !status) return status;
  const Value& x = context.graph[context.inputs[0]];
  std::int64_t k = 0;
  if (context.has_input(1)) {
    const auto given = integers_of(context.graph[context.inputs[1]]);
    if (!given || given->size() != 1) return context.error("the diagonal must be a constant");
    k = (*given)[0];
  }
  const int rank = x.shape_known ? x.shape.rank() : 0;
  if (rank < 2 || x.shape[rank - 1] < 0 || x.shape[rank - 2] < 0 ||
      !has_sane_size({x.shape[rank - 2], x.shape[rank - 1]}))
    return context.error("the last two sizes must be known");
  const std::int64_t rows = x.shape[rank - 2], columns = x.shape[rank - 1];
  if (rows * columns > (std::int64_t{1} << 26)) return context.error("the matrix is too large for a mask");
  const bool upper = context.integer("upper", 1) != 0;
  std::vector<std::uint8_t> keeps;
  for (std::int64_t i = 0; i < rows; ++i)
    for (std::int64_t j = 0; j < columns; ++j) keeps.push_back(upper ? j - i >= k : j - i <= k);
  const ValueId mask =
      context.graph.add_constant<std::uint8_t>(context.name + "/mask", DType::boolean, {rows, columns}, keeps);
  return context.emit(Op::Where, {mask, context.inputs[0], zero_like(context, context.inputs[0])}, {});
}

// indices + size where they are negative
ValueId from_the_end(Composer& compose, ValueId indices, std::int64_t size) {
  const ValueId negative = compose.compare(CompareFn::less, indices, scalar(compose, 0));
  const ValueId moved = compose.binary(BinaryFn::add, indices, scalar(compose, size));
  return compose.node(Op::Where, {negative, moved, indices}, {});
}

// y[i][j][k] = x[indices[i][j][k]][j][k] for axis 0: a Gather from the flat x, at indices * stride + a constant.
Status import_gather_elements(ImportContext& context) {
  if (Status status = context.expect_inputs(2, 2); !status) return status;
  const Value &x = context.graph[context.inputs[0]], &indices = context.graph[context.inputs[1]];
  if (!x.shape_known || !indices.shape_known || !x.shape.is_known() || !indices.shape.is_known() ||
      x.shape.rank() != indices.shape.rank() || x.shape.rank() == 0)
    return context.error("data and indices must have known shapes of one rank");
  const int rank = x.shape.rank();
  const std::int64_t given = context.integer("axis", 0), axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank) return context.error(fmt::format("axis {}: must be in [{}, {})", given, -rank, rank));
  const Shape from = x.shape, to = indices.shape;
  if (to.count() > (std::int64_t{1} << 26)) return context.error("too many indices");
  Dims base(static_cast<std::size_t>(to.count()), 0);  // what the other axes add
  for (std::size_t i = 0; i < base.size(); ++i) {
    auto rest = static_cast<std::int64_t>(i);
    for (int a = rank - 1; a >= 0; rest /= to[a], --a) {
      if (a == axis) continue;
      if (rest % to[a] >= from[a])
        return context.error(fmt::format("indices {} reach beyond data {}", to_string(to), to_string(from)));
      base[i] += rest % to[a] * from.count(a + 1, rank);
    }
  }
  Composer compose(context);
  const ValueId wide = compose.node(Op::Cast, {context.inputs[1]}, CastAttrs{DType::s64});
  const ValueId along = from_the_end(compose, wide, size_at(from, axis));
  const std::int64_t stride = from.count(static_cast<int>(axis) + 1, rank);
  const ValueId scaled = compose.binary(BinaryFn::mul, along, scalar(compose, stride));
  const ValueId offsets = compose.reshape(compose.integers(base), to_dims(to));
  const ValueId flat = compose.reshape(context.inputs[0], {-1});
  return context.emit(Op::Gather, {flat, compose.binary(BinaryFn::add, scaled, offsets)}, GatherAttrs{0});
}

// 1 at the first largest element along an axis, 0 elsewhere
Status import_hardmax(ImportContext& context) {
  if (Status status = context.expect_inputs(1, 1); !status) return status;
  const Value& x = context.graph[context.inputs[0]];
  const std::int64_t given = context.integer("axis", context.opset < 13 ? 1 : -1);
  const std::int64_t rank = x.shape_known ? x.shape.rank() : 0, axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank || size_at(x.shape, axis) < 1)
    return context.error("the size of the axis must be known");
  if (context.opset < 13 && axis + 1 != rank) return context.error("before opset 13 the axis must be the last one");
  Dims counted, shape(static_cast<std::size_t>(rank), 1);
  for (std::int64_t i = 0; i < size_at(x.shape, axis); ++i) counted.push_back(i);
  shape[static_cast<std::size_t>(axis)] = -1;
  Composer compose(context);
  const ValueId best = compose.node(Op::ArgMax, {context.inputs[0]}, ArgMaxAttrs{axis, true, false, false});
  const ValueId hit = compose.compare(CompareFn::equal, best, compose.reshape(compose.integers(counted), shape));
  return context.emit(Op::Cast, {hit}, CastAttrs{DType::f32});
}

// Inputs: indices, depth, values (off, on). A new axis of size depth, 1 where its index is the one given.
Status import_one_hot(ImportContext& context) {
  if (Status status = context.expect_inputs(3, 3); !status) return status;
  const Value &indices = context.graph[context.inputs[0]], &depth = context.graph[context.inputs[1]];
  if (!indices.shape_known || !depth.is_constant() || depth.shape.count() != 1)
    return context.error("the depth must be a constant, and the rank of the indices known");
  std::int64_t size = 0;
  if (depth.dtype == DType::s64) size = depth.as<std::int64_t>()[0];
  if (depth.dtype == DType::s32) size = depth.as<std::int32_t>()[0];
  if (depth.dtype == DType::f32 && depth.as<float>()[0] < 0x1p24F)
    size = static_cast<std::int64_t>(depth.as<float>()[0]);
  if (size < 1 || size > (1 << 24)) return context.error(fmt::format("depth {}: must be 1 to 2^24", size));
  const std::int64_t rank = indices.shape.rank() + 1, given = context.integer("axis", -1);
  const std::int64_t axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank) return context.error(fmt::format("axis {}: must be in [{}, {})", given, -rank, rank));
  Dims counted, shape(static_cast<std::size_t>(rank), 1);
  for (std::int64_t i = 0; i < size; ++i) counted.push_back(i);
  shape[static_cast<std::size_t>(axis)] = -1;
  Composer compose(context);
  const ValueId wide = compose.node(Op::Cast, {context.inputs[0]}, CastAttrs{DType::s64});
  const ValueId row = compose.node(Op::Reshape, {from_the_end(compose, wide, size)},
                                   ReshapeAttrs{ReshapeAttrs::Kind::unsqueeze, {axis}, false});
  const ValueId hit = compose.compare(CompareFn::equal, row, compose.reshape(compose.integers(counted), shape));
  const auto value = [&](std::int64_t which) {
    return compose.node(Op::Gather, {context.inputs[2], scalar(compose, which)}, GatherAttrs{0});
  };
  return context.emit(Op::Where, {hit, value(1), value(0)}, {});
}

constexpr OnnxRule kRules[] = {
    {"DepthToSpace", import_depth_to_space, "all sizes but the batch must be known"},
    {"SpaceToDepth", import_space_to_depth, "all sizes but the batch must be known"},
    {"Trilu", import_trilu, "the last two sizes known, the diagonal constant"},
    {"GatherElements", import_gather_elements, "shapes known"},
    {"Hardmax", import_hardmax, "the axis's size known"},
    {"OneHot", import_one_hot, "the depth constant"},
    {"Size", import_size},
    {"Mean", import_mean},
};

}  // namespace

const std::span<const OnnxRule> composed_rules = kRules;

}  // namespace octet::graph
