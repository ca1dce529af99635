// SPDX-License-Identifier: Apache-2.0
#include "runtime/compiled/packed.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "octet_generated.h"
#include "runtime/compiled/constants.h"

namespace octet::runtime {
namespace {

using kernels::WeightDims;

WeightDims dims_of(const compiled::PackedWeights& stored) {
  return {stored.groups(), stored.columns(), stored.taps(), stored.kc()};
}

// The product of the sizes is `count`; no step can overflow.
bool make_up(const WeightDims& dims, std::uint64_t count) {
  for (const std::size_t size : {dims.groups, dims.columns, dims.taps, dims.kc}) {
    if (size == 0 || count % size != 0) return false;
    count /= size;
  }
  return count == 1;
}

// Absent stands for zeros.
bool fits(const flatbuffers::Vector<std::int8_t>* stored, const std::vector<std::int32_t>& zero_points) {
  if (stored == nullptr) return zero_points.empty();
  return std::ranges::equal(*stored, zero_points);
}

// Kernels follow the places of an excess weight.
bool lie_in(const flatbuffers::Vector<const compiled::Excess*>& excess, const WeightDims& dims) {
  std::uint32_t column = 0;
  for (const compiled::Excess* e : excess) {
    if (e->column() < column || e->column() >= dims.all_columns() || e->tap() >= dims.taps || e->k() >= dims.kc)
      return false;
    column = e->column();
  }
  return true;
}

}  // namespace

Result<StoredWeights> StoredWeights::read(const std::shared_ptr<const std::byte[]>& file,
                                          const compiled::PackedWeights& stored, const graph::Value& value,
                                          Constants& constants) {
  const auto refuse = [&](std::string_view rule) {
    return Status::error(fmt::format("value '{}': its packed form {}", value.name, rule));
  };
  const WeightDims dims = dims_of(stored);
  if (size_of(value.dtype) != 1 || !make_up(dims, static_cast<std::uint64_t>(value.shape.count()))) {
    return refuse(fmt::format("has {} groups of {} columns of {} taps of {}, which are not those of {}", dims.groups,
                              dims.columns, dims.taps, dims.kc, to_string(value.shape)));
  }
  const std::size_t columns = dims.all_columns();
  const auto* const before = stored.zero_points();
  const auto* const left = stored.zero_points_left();
  if (stored.sums()->size() != columns || (before != nullptr && before->size() != columns) ||
      (left != nullptr && left->size() != columns)) {
    return refuse(fmt::format("has no sum and zero point for each of {} columns", columns));
  }
  if (stored.excess() != nullptr && !lie_in(*stored.excess(), dims)) {
    return refuse("has excess weights that are out of order or outside the matrix");
  }
  const Result<std::span<const std::byte>> bytes = constants.place(*stored.data());
  if (!bytes) return refuse("has " + bytes.status().message());
  StoredWeights weights;
  weights.file_ = file;
  weights.stored_ = &stored;
  weights.bytes_ = *bytes;
  return weights;
}

bool StoredWeights::fit(const kernels::WeightKey& key) const {
  return std::ranges::equal(*stored_->layout(), key.layout) &&
         stored_->order() == static_cast<std::uint8_t>(key.order) && dims_of(*stored_) == key.dims &&
         stored_->max_code() == key.max_code && fits(stored_->zero_points(), key.zero_point);
}

Result<kernels::LayerWeightsPtr> StoredWeights::adopt(const kernels::WeightKey& key,
                                                      const kernels::Backend& backend) const {
  if (!is_intact(bytes_, stored_->data()->checksum()))
    return Status::error("its packed weights are damaged: the checksum differs");
  kernels::PackedWeights::Stored stored;
  stored.bytes = std::shared_ptr<const std::byte[]>(file_, bytes_.data());
  stored.size = bytes_.size();
  for (const compiled::PackedBlock* block : *stored_->blocks()) {
    stored.blocks.emplace_back(static_cast<kernels::BlockKind>(block->kind()), block->columns());
  }
  stored.counted = {stored_->pairs(), stored_->unsafe_pairs()};
  Result<kernels::PackedWeights> packed =
      kernels::PackedWeights::adopt(backend, key.dims, key.max_code, std::move(stored));
  if (!packed) return packed.status();

  kernels::LayerWeights weights{key.dims, std::move(*packed), {}, {}, {}};
  weights.sums.assign(stored_->sums()->begin(), stored_->sums()->end());
  if (const auto* left = stored_->zero_points_left()) weights.zero_point.assign(left->begin(), left->end());
  if (stored_->excess() != nullptr) {
    for (const compiled::Excess* e : *stored_->excess()) {
      weights.excess.push_back({e->column(), e->tap(), e->k(), e->weight()});
    }
  }
  return std::make_shared<const kernels::LayerWeights>(std::move(weights));
}

}  // namespace octet::runtime
