// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/quantize.h>

namespace octet::graph {

// One sentence if this configuration cannot be carried out, before any sample is spent on it.
Status check_config(const QConfig& config);

}  // namespace octet::graph
