// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "graph/attrs.h"

namespace octet::kernels::fp32 {

// NaN fails both comparisons and passes through, so a fused Relu or Clip hides no NaN; -0 is kept.
inline float clamp(float v, const graph::Clamp& bounds) {
  v = v < bounds.lo ? bounds.lo : v;
  return v > bounds.hi ? bounds.hi : v;
}

}  // namespace octet::kernels::fp32
