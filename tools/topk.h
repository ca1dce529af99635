// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/tensor.h>

#include <cstddef>
#include <span>

namespace octet::tools {

// How many of `classes` scores (codes or reals of `dtype`) come before class `label`: larger ones,
// and equal ones with a lower index. 0 is a top-1 hit, below 5 a top-5 hit; NaN never comes first.
std::int64_t rank_of(DType dtype, std::span<const std::byte> scores, std::int64_t label);

}  // namespace octet::tools
