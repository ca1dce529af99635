// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/status.h>

#include <string>
#include <string_view>
#include <vector>

namespace octet {

/// One way of computing the int8 operators. All of them give the same bytes.
struct BackendInfo {
  std::string name;         ///< what users type: "avx2", "scalar", ...
  std::string description;  ///< one line
  bool usable = false;      ///< this CPU has what it needs and its self-test passed
  std::string reason;       ///< why not usable; empty if it is
  bool is_default = false;  ///< what a session gets if nobody says otherwise
};

/// Every backend in this build, best first.
OCTET_API std::vector<BackendInfo> backends();

/// The backend a session with `requested` (may be empty) gets: `requested`, else the environment
/// variable OCTET_BACKEND, else the best usable one. An unknown or unusable name is an error that
/// lists the usable ones.
OCTET_API Result<std::string> best_backend(std::string_view requested = {});

}  // namespace octet
