// SPDX-License-Identifier: Apache-2.0
// out[before, i, after] = data[before, indices[i], after]. Negative indices count from the end.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "kernels/codes.h"
#include "kernels/table.h"

namespace octet::kernels {

namespace {

// Indices that are only known while running cannot be refused then: they are brought into range.
std::int64_t in_range(std::int64_t index, std::int64_t size) {
  return std::clamp<std::int64_t>(index < 0 ? index + size : index, 0, size - 1);
}

struct GatherShape {
  std::int64_t before, size, indices;  // units of the output: (before, indices)
  std::int64_t run;                    // bytes behind each
};

template <class Index>
class GatherOp final : public Prepared {
 public:
  GatherOp(const OpContext& ctx, const GatherShape& shape, const std::optional<Table>& table)
      : shape_(shape),
        table_(table),
        lookup_(ctx.backend.lookup),
        slices_(slices_for(shape.before * shape.indices, static_cast<double>(shape.run) + 8, ctx.threads)) {}

  int slices() const override { return slices_; }
  void run(const Io& io, int slice) const noexcept override {
    const auto* data = io.input<std::uint8_t>(0);
    const auto* indices = io.input<Index>(1);
    auto* out = io.output<std::uint8_t>();
    const Range share = share_of(shape_.before * shape_.indices, slice, slices_);
    const auto bytes = static_cast<std::size_t>(shape_.run);
    for (std::int64_t unit = share.first; unit < share.last; ++unit) {
      const std::int64_t index = in_range(indices[unit % shape_.indices], shape_.size);
      const std::uint8_t* from = data + (unit / shape_.indices * shape_.size + index) * shape_.run;
      if (table_) {
        lookup_(table_->data(), from, out + unit * shape_.run, bytes);
      } else {
        std::memcpy(out + unit * shape_.run, from, bytes);
      }
    }
  }
  std::string kernel() const override { return "copy"; }

 private:
  GatherShape shape_;
  std::optional<Table> table_;
  LookupFn lookup_;
  int slices_;
};

template <class Index>
Status check_indices(const OpContext& ctx, const Operand& indices, std::int64_t size) {
  if (indices.constant == nullptr) return {};
  for (const Index index : indices.constant_as<Index>()) {
    if (index < -size || index >= size) {
      return ctx.error(fmt::format("index {}: must be within an axis of size {}", index, size));
    }
  }
  return {};
}

}  // namespace

Result<PreparedOp> prepare_gather(const OpContext& ctx) {
  const Operand& data = ctx.inputs[0];
  const Operand& indices = ctx.inputs[1];
  const Operand& out = ctx.outputs[0];
  const int rank = data.shape.rank();
  const Result<int> axis = axis_of(ctx, std::get<graph::GatherAttrs>(ctx.attrs).axis, rank);
  if (!axis.ok()) return axis.status();
  for (const Operand* operand : {&data, &indices, &out}) {
    const Result<std::int64_t> count = count_of(ctx, *operand, "an operand");
    if (!count.ok()) return count.status();
  }
  const GatherShape shape{.before = data.shape.count(0, *axis),
                          .size = data.shape[*axis],
                          .indices = indices.shape.count(),
                          .run = data.shape.count(*axis + 1, rank) * static_cast<std::int64_t>(size_of(data.dtype))};
  Shape expected;
  for (int i = 0; i < *axis; ++i) expected.push_back(data.shape[i]);
  for (const std::int64_t dim : indices.shape) expected.push_back(dim);
  for (int i = *axis + 1; i < rank; ++i) expected.push_back(data.shape[i]);
  if (rank - 1 + indices.shape.rank() > Shape::kMaxRank || !(expected == out.shape)) {
    return ctx.error(fmt::format("output {} does not hold {} gathered at {} along axis {}", to_string(out.shape),
                                 to_string(data.shape), to_string(indices.shape), *axis));
  }
  if (shape.size == 0 && shape.indices > 0) return ctx.error("gathers from an axis of size 0");
  const Result<std::optional<Table>> table = relabelling(ctx, data, out);
  if (!table.ok()) return table.status();
  if (indices.dtype == DType::s64) {
    if (Status status = check_indices<std::int64_t>(ctx, indices, shape.size); !status) return status;
    return PreparedOp(std::make_unique<GatherOp<std::int64_t>>(ctx, shape, *table));
  }
  if (indices.dtype == DType::s32) {
    if (Status status = check_indices<std::int32_t>(ctx, indices, shape.size); !status) return status;
    return PreparedOp(std::make_unique<GatherOp<std::int32_t>>(ctx, shape, *table));
  }
  return ctx.error(fmt::format("indices are {}: must be s32 or s64", name_of(indices.dtype)));
}

}  // namespace octet::kernels
