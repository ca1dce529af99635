// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <octet/model.h>
#include <octet/session.h>

#include <cstdint>
#include <cstdlib>
#include <span>

namespace octet::fuzz {

// A model is refused with a sentence, or can be prepared and run.
inline void try_model(const Result<Model>& model) {
  if (!model.ok()) {
    if (model.status().message().empty()) std::abort();
    return;
  }
  SessionOptions options;
  options.threads = 1;
  options.backend = "scalar";
  options.max_arena_bytes = std::size_t{16} << 20;
  Result<Session> session = Session::create(*model, options);
  double macs = 0;
  if (!session.ok()) return;
  for (const OpInfo& op : session->ops()) macs += op.macs;
  if (macs < 1e7) session->run();  // a large model is no error, only slow
}

}  // namespace octet::fuzz
