// SPDX-License-Identifier: Apache-2.0
// The most multiply-accumulates per second that one core reaches with a backend's dot-product
// instructions, measured from registers alone: what "percent of peak" refers to.
#pragma once

#include <string_view>

namespace octet::tools {

// GMAC/s of the instruction sequence of `backend`; 0 where it has none (scalar).
double measured_peak(std::string_view backend);

}  // namespace octet::tools
