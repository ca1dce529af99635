// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <span>
#include <string>

#include "graph/export/plain.h"
#include "runtime/compiled/pack.h"

namespace octet::runtime {

// The bytes of a compiled model. `notes` say how it was made; `packed` speaks of its values by their index in
// the file that is written without any.
Result<std::string> write_compiled(const graph::PlainModel& model, const std::map<std::string, std::string>& notes,
                                   std::span<const PackedForm> packed);

}  // namespace octet::runtime
