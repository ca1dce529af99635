// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "graph/export/plain.h"

namespace octet::runtime {

// The bytes of a compiled model. `notes` say how it was made.
Result<std::string> write_compiled(const graph::PlainModel& model, const std::map<std::string, std::string>& notes);

}  // namespace octet::runtime
