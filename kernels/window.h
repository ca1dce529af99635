// SPDX-License-Identifier: Apache-2.0
// Where a pooling window meets the input, along one axis.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace octet::kernels {

struct WindowAxis {
  std::int64_t in, out;
  std::int64_t kernel, stride, dilation, pad_begin, pad_end;
};

struct Overlap {
  std::int64_t first;    // input index under the first tap that lies inside
  std::int64_t taps;     // how many taps lie inside, `dilation` apart
  std::int64_t counted;  // taps inside the input or its explicit padding; overhang never counts
  friend bool operator==(const Overlap&, const Overlap&) = default;
};

// One entry per output position; nothing if the numbers describe no window: sizes below 1, negative
// pads, or a window that begins behind the padded input.
std::optional<std::vector<Overlap>> overlaps(const WindowAxis& axis);

}  // namespace octet::kernels
