// SPDX-License-Identifier: Apache-2.0
#include "kernels/strided_copy.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "kernels/transpose_block.h"

namespace octet::kernels {

namespace {

constexpr std::int64_t kTileElements = 16384;  // of a run: enough to pay for another thread
constexpr std::int64_t kTileRows = 64;         // of a transpose: its lines stay in the first-level cache

}  // namespace

StridedCopy::StridedCopy(std::span<const Axis<2>> axes, std::int64_t in_offset, std::int64_t out_offset,
                         std::size_t element)
    : in_offset_(in_offset), out_offset_(out_offset), element_(element) {
  std::int64_t count = 1;
  for (const Axis<2>& axis : axes) count *= axis.size;
  bytes_ = count * static_cast<std::int64_t>(element);
  if (count == 0) return;  // outer_count_ stays 0: nothing to do

  std::vector<Axis<2>> joined = collapse<2>(axes);
  inner_ = {1, {1, 1}};
  if (!joined.empty()) {
    inner_ = joined.back();
    joined.pop_back();
  }
  std::int64_t cut = inner_.size;
  tile_ = kTileElements;
  if (inner_.stride == std::array<std::int64_t, 2>{1, 1}) {
    form_ = Form::run;
  } else if (inner_.stride == std::array<std::int64_t, 2>{0, 1}) {
    form_ = Form::fill;
  } else {
    form_ = Form::strided;
    const auto contiguous =
        std::find_if(joined.begin(), joined.end(), [](const auto& axis) { return axis.stride[0] == 1; });
    if (inner_.stride[1] == 1 && contiguous != joined.end()) {
      form_ = Form::transpose;
      rows_ = *contiguous;
      joined.erase(contiguous);
      cut = rows_.size;
      tile_ = kTileRows;
    }
  }
  tiles_ = (cut + tile_ - 1) / tile_;
  outer_ = Odometer<2>(joined);
  outer_count_ = outer_.count();
}

// Elements [first, last) of the innermost axis, or rows [first, last) of a transpose.
template <class Element>
void StridedCopy::run_tile(const Element* in, Element* out, std::int64_t first, std::int64_t last,
                           const CodeMap& map) const noexcept {
  const std::int64_t n = last - first;
  const std::int64_t from = inner_.stride[0], to = inner_.stride[1];
  if constexpr (std::is_same_v<Element, std::uint8_t>) {
    if (map.table != nullptr && form_ == Form::run) {
      map.lookup(map.table, in + first, out + first, static_cast<std::size_t>(n));
      return;
    }
    if (map.table != nullptr && form_ != Form::transpose) {
      for (std::int64_t i = first; i < last; ++i) out[i * to] = map.table[in[i * from]];
      return;
    }
    if (map.table != nullptr) {
      for (std::int64_t row = first; row < last; ++row) {
        for (std::int64_t i = 0; i < inner_.size; ++i) out[row * rows_.stride[1] + i] = map.table[in[row + i * from]];
      }
      return;
    }
  }
  switch (form_) {
    case Form::run:
      std::memcpy(out + first, in + first, static_cast<std::size_t>(n) * sizeof(Element));
      break;
    case Form::fill:
      std::fill_n(out + first, n, *in);
      break;
    case Form::transpose:
      transpose_block(in + first, from, out + first * rows_.stride[1], rows_.stride[1], n, inner_.size);
      break;
    case Form::strided:
      for (std::int64_t i = first; i < last; ++i) out[i * to] = in[i * from];
      break;
  }
}

template <class Element>
void StridedCopy::run_typed(const Element* in, Element* out, Range units, const CodeMap& map) const noexcept {
  const std::int64_t cut = form_ == Form::transpose ? rows_.size : inner_.size;
  Odometer<2> outer = outer_;
  std::int64_t unit = units.first;
  std::int64_t tile = unit % tiles_;
  for (outer.seek(unit / tiles_); unit < units.last; ++unit) {
    run_tile(in + in_offset_ + outer.offset(0), out + out_offset_ + outer.offset(1), tile * tile_,
             std::min(cut, (tile + 1) * tile_), map);
    if (++tile == tiles_) {
      tile = 0;
      outer.next();
    }
  }
}

void StridedCopy::run(const std::byte* in, std::byte* out, Range units, const CodeMap& map) const noexcept {
  if (units.first >= units.last) return;
  const auto as = [&]<class Element>(Element) {
    run_typed(reinterpret_cast<const Element*>(in), reinterpret_cast<Element*>(out), units, map);
  };
  if (element_ == 1) {
    as(std::uint8_t{});
  } else if (element_ == 4) {
    as(std::uint32_t{});
  } else {
    as(std::uint64_t{});
  }
}

}  // namespace octet::kernels
