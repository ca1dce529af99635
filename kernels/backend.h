// SPDX-License-Identifier: Apache-2.0
// Which backends exist, which can run here, and which one to take.
#pragma once

#include <octet/backend.h>
#include <octet/status.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/microkernels.h"

namespace octet::kernels {

// A backend with every empty slot taken from its base.
struct BackendEntry {
  Backend backend;        // all slots filled
  std::string reason;     // why it cannot run here; empty: usable
  bool is_wrong = false;  // the reason is that its self-test failed
};

struct BackendChoice {
  const Backend* backend;
  std::string note;  // demotion_note() of what was passed over, if nobody named a backend
};

// One sentence for each of these that should have run here but for its self-test; nothing almost always.
std::string demotion_note(std::span<const BackendEntry> passed_over);

// All backends of this build, best first; each is self-tested once per process.
const std::vector<BackendEntry>& all_backends();

// The one to use: `requested`, else OCTET_BACKEND, else the best usable. Errors list the usable ones. Tests no
// more backends than it takes to know: a product that starts waits for one.
Result<BackendChoice> choose_backend(std::string_view requested);

}  // namespace octet::kernels
