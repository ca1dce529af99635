// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/tensor.h>

#include <cstddef>
#include <span>
#include <string>

#include "graph/graph.h"

namespace octet::conformance {

// How `bytes`, of the type and shape in `info`, differ from `expected`; empty where they do not. Floats may
// differ as in ONNX's own runner: |a - b| <= 1e-7 + 1e-3 * |b|; everything else must be equal.
std::string compare(const graph::Value& expected, const TensorInfo& info, std::span<const std::byte> bytes);

}  // namespace octet::conformance
