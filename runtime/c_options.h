// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/octet-c.h>
#include <octet/session.h>

namespace octet::runtime {

// A C caller's options, nullptr for none, as SessionOptions. Refuses what it cannot mean.
octet_status read_limits(const octet_model_limits* limits, ModelLimits& out);
octet_status read_options(const octet_session_options* options, SessionOptions& out);

}  // namespace octet::runtime
